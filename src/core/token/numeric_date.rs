//! NumericDate, by RFC 7519 section 2: seconds since the epoch, perhaps with a fraction or exponent.

use crate::json::Json;
use crate::timestamp::Timestamp;

/// The end of the year 9999. What lies beyond is no date but, say, milliseconds taken for seconds.
const LAST_MILLI: f64 = 253_402_300_799_999.0;

/// The moment that a number names, cut to the millisecond; `None` for anything else, also for what
/// lies before the epoch or after the year 9999.
pub fn read(json: &Json) -> Option<Timestamp> {
    let Json::Number(number) = json else {
        return None;
    };
    // An f64 holds every millisecond of that span exactly.
    let millis = (number.as_f64()? * 1000.0).floor();
    (0.0..=LAST_MILLI)
        .contains(&millis)
        .then_some(Timestamp::from_millis(millis as u64))
}
