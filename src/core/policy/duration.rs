//! Durations in the policy file: `30s`, `5m`, `24h`.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// Parses a whole number of at most nine digits and one unit: `s`, `m` or `h`.
pub fn parse(text: &str) -> Option<Duration> {
    let mut digits = text.chars();
    let seconds = match digits.next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return None,
    };
    let digits = digits.as_str();
    let plain = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| plain)?;
    count.checked_mul(seconds).map(Duration::from_secs)
}
