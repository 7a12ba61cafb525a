//! NumericDate (RFC 7519 section 2): seconds since the epoch, optionally with a fraction or
//! exponent.

use crate::json::Json;
use crate::timestamp::Timestamp;

/// The end of the year 9999. A later value is a mistake, for example milliseconds instead of
/// seconds.
const LAST_MILLI: f64 = 253_402_300_799_999.0;

/// The time of a number, truncated to milliseconds; `None` for anything else, and for times before
/// the epoch or after the year 9999.
pub fn read(json: &Json) -> Option<Timestamp> {
    let Json::Number(number) = json else {
        return None;
    };
    // An f64 represents every millisecond of that range exactly.
    let millis = (number.as_f64()? * 1000.0).floor();
    (0.0..=LAST_MILLI)
        .contains(&millis)
        .then_some(Timestamp::from_millis(millis as u64))
}
