//! Durations as Go writes them.

#[cfg(test)]
mod tests;

/// The whole seconds of a duration such as `1h30m`, `168h0m0s` or `1.5h`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, next) = after.split_at(unit_end.unwrap_or(after.len()));
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    // `as` saturates.
    (!text.is_empty() && total.is_finite()).then_some(total as u64)
}

/// Seconds as our files have them: in the largest unit that is exact.
pub(super) fn text(seconds: u64) -> String {
    match seconds {
        _ if seconds > 0 && seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds > 0 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
