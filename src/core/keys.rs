//! The keys that tokens are verified with.
//!
//! [`KeySet`] is what an issuer publishes. A [`KeyRecord`] is what the workers of a proxy share
//! about the keys of one trust entry: the last good set, when it was fetched, and which worker has
//! the lease to fetch it again. A [`Keyring`] is one worker's copy of all records, in policy order.
//! The time is always a parameter, and what to fetch is returned as a value.

#[cfg(test)]
mod fixtures;
mod keyring;
mod owners;
mod record;
mod response;
mod schedule;
mod trust_keys;
mod warning;

pub use crate::fetch_lease::LEASE;
pub use crate::jwk::{
    Key, KeySet, KeySetError, PureRust, Signatures, Skipped, Thumbprint, UnusableKey,
};
pub use keyring::{AmbiguousKey, DuplicateKey, KeyStatus, Keyring};
pub use owners::{KeyOwners, KeyOwnersError, Owner, OwnerEntry};
pub use record::{KeyRecord, KeyRecordError};
pub use response::{Fetched, HttpResponse, MIRROR_VERSION, ResponseError};
pub(crate) use response::{expect_version, object};
pub use schedule::{FETCH_TIMEOUT, KeyRequest, UNKNOWN_KID_INTERVAL};
pub use trust_keys::{Condition, KeyLookup, TrustKeys};
pub use warning::KeyWarning;
