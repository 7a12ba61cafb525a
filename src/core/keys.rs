//! The keys that tokens are verified with.
//!
//! [`KeySet`] is what an issuer publishes. A [`KeyRecord`] is what the workers of a proxy know
//! together of one trust entry's keys: the last good set, when it was read, and which worker has the
//! lease to read it again. A [`Keyring`] is one worker's copy of all records, in policy order. Time is always
//! passed in, and what should be fetched is returned as a value.

mod answer;
#[cfg(test)]
mod fixtures;
mod keyring;
mod record;
mod schedule;
mod set;
mod signatures;
mod warning;

pub use crate::fetch_lease::LEASE;
pub(crate) use answer::object;
pub use answer::{Fetched, HttpResponse, ReadError};
pub use keyring::{Condition, KeyLookup, Keyring, SharedKey, TrustKeys};
pub use record::{KeyRecord, KeyRecordError};
pub use schedule::{READ_TIMEOUT, Read, UNKNOWN_KID_INTERVAL};
pub use set::{Key, KeySet, KeySetError, Skipped, Thumbprint, UnusableKey};
pub use signatures::{PureRust, Signatures};
pub use warning::KeyWarning;
