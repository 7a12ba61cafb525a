//! The time and random numbers.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::timestamp::Timestamp;

/// The time. If the clock is before 1970, every token counts as expired.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(u64::MAX, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    Timestamp::from_millis(millis)
}

/// An unpredictable random number, for jitter and ids, from the standard library's hash seed. Do not use
/// it as key material.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
