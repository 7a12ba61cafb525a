//! Points in time. The calling code has the clock; core has none.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// The last second of the year 9999.
const LATEST: u64 = 253_402_300_799;

/// A point in time: milliseconds since the Unix epoch. Arithmetic saturates, so it does not
/// overflow if a clock is wrong.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The time `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The time `secs` seconds after the Unix epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// The time of an RFC 3339 timestamp in UTC with whole seconds, like `2027-01-31T00:00:00Z`; `None` for
    /// any other text, and for times before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        // Each digit is the number that it belongs to.
        const FORM: &[u8; 20] = b"0000-11-22T33:44:55Z";
        let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
        let mut numbers = [0_u32; 6];
        for (byte, form) in bytes.iter().zip(FORM) {
            match numbers.get_mut(usize::from(form.wrapping_sub(b'0'))) {
                Some(number) if byte.is_ascii_digit() => {
                    let digit = u32::from(byte.wrapping_sub(b'0'));
                    *number = number.wrapping_mul(10).wrapping_add(digit);
                }
                None if byte == form => {}
                _ => return None,
            }
        }
        let [year, month, day, hour, minute, second] = numbers;
        let first = days_before(year, month);
        let length = days_before(year, month.wrapping_add(1)).wrapping_sub(first);
        let is_date = year >= 1970 && (1..=12).contains(&month) && (1..=length).contains(&day);
        if !is_date || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = first.wrapping_add(day).wrapping_sub(1);
        let minutes = hour.wrapping_mul(60).wrapping_add(minute);
        let of_day = minutes.wrapping_mul(60).wrapping_add(second);
        let seconds = u64::from(days)
            .wrapping_mul(86_400)
            .wrapping_add(of_day.into());
        Some(Self::from_secs(seconds))
    }

    /// The time by RFC 3339, in UTC and whole seconds; at most the end of the year 9999.
    pub fn to_rfc3339(self) -> String {
        self.date_and_time() + "Z"
    }

    /// The same with milliseconds, like `2027-01-31T00:00:00.000Z`.
    pub fn to_rfc3339_millis(self) -> String {
        format!("{}.{:03}Z", self.date_and_time(), self.0 % 1000)
    }

    fn date_and_time(self) -> String {
        let secs = self.secs().min(LATEST);
        let of_day = secs % 86_400;
        let days = u32::try_from(secs / 86_400).unwrap_or_default();
        let mut year = 1970_u32.saturating_add(days / 366);
        while days_before(year, 13) <= days {
            year = year.saturating_add(1);
        }
        let is_reached = |month: &u32| days_before(year, *month) <= days;
        let month = (1..=12).rev().find(is_reached).unwrap_or(1);
        let day = days.saturating_sub(days_before(year, month));
        let day = day.saturating_add(1);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, the unit of a token's times.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// The time `span` later.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// The time `span` earlier.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// The time since `earlier`; zero if `earlier` is in the future, because the clock has stepped
    /// back.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The days from the Unix epoch to the first of a month of a year of at most four digits, in the Gregorian
/// calendar. 13 is January of the next year.
const fn days_before(year: u32, month: u32) -> u32 {
    // Years that begin in March end with their leap day.
    let (year, month) = match month.checked_sub(3) {
        Some(month) => (year, month),
        None => (year.wrapping_sub(1), month.wrapping_add(9)),
    };
    let months = month.wrapping_mul(153).wrapping_add(2) / 5;
    let days = year.wrapping_mul(365).wrapping_add(months);
    let days = days.wrapping_add(year / 4).wrapping_add(year / 400);
    days.wrapping_sub(year / 100).wrapping_sub(719_468)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
