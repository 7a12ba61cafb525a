//! The wall clock of the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_core::timestamp::Timestamp;

/// The current time. A clock before 1970 reads as the epoch.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A time in words, as in HTTP's headers (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    // The format has four digits for a year.
    const LAST: u64 = 253_402_300_799;
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.secs().min(LAST)))
}

/// The time of an HTTP header; `None` if it is not in a format of RFC 9110 section 5.6.7.
pub(crate) fn from_http_date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(since.as_secs()))
}
