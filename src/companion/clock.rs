//! The wall clock of the process.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::timestamp::Timestamp;

/// The current time. A clock before 1970 reads as the epoch.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
