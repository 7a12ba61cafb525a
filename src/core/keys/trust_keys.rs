//! The keys of one source, and whether they may be used.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::UNKNOWN_KID_INTERVAL;
use super::{KeyRecord, Owner, OwnerEntry};
use crate::fetch_schedule::is_recent;
use crate::jwk::{Key, Thumbprint};
use crate::timestamp::Timestamp;
use crate::trust::KeySource;

/// The keys of one trust entry or of the companion.
#[derive(Clone, Debug)]
pub struct TrustKeys {
    pub(super) owner: Owner,
    /// The accepted values of `iss`; empty for the companion, which shares no issuer.
    pub(super) issuers: Vec<String>,
    pub(super) source: KeySource,
    pub(super) record: Arc<KeyRecord>,
}

/// Whether the keys of a source may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// They may be used.
    Usable,
    /// No keys were fetched yet.
    Empty,
    /// They were fetched longer ago than `max_stale`.
    Stale,
}

/// The result of looking up a key that is not in the cached set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyLookup {
    /// The issuer has no such key: it is not in a set that was fetched after the token arrived, or
    /// very recently.
    Absent,
    /// The issuer's keys must be fetched first.
    Pending,
    /// It is unknown, because the issuer's keys could not be fetched.
    Unavailable,
}

impl TrustKeys {
    /// The record that the workers share.
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    pub(super) fn as_owner_entry(&self) -> OwnerEntry<'_> {
        OwnerEntry {
            owner: &self.owner,
            keys: &self.source,
            record: &self.record,
        }
    }

    /// Whether the keys may be used now.
    pub fn condition(&self, now: Timestamp) -> Condition {
        let Some(age) = self.record.age(now) else {
            return Condition::Empty;
        };
        let remote = self.source.remote.as_ref();
        if remote.is_some_and(|remote| age > remote.max_stale) {
            Condition::Stale
        } else {
            Condition::Usable
        }
    }

    /// The keys of the last valid set, without those that the policy refuses.
    pub fn current(&self) -> impl Iterator<Item = &Key> {
        self.all().filter(|key| self.source.accepts(key))
    }

    /// The keys of the last valid set.
    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        self.record.current.iter().flat_map(|set| set.keys())
    }

    /// Whether the last valid set has this key.
    pub(super) fn has(&self, key: Thumbprint) -> bool {
        self.all().any(|other| other.thumbprint() == key)
    }

    /// The keys that are no longer in the set and still accepted, without those that the policy
    /// refuses.
    pub fn retiring(&self, now: Timestamp) -> impl Iterator<Item = &Key> {
        let keys = self
            .record
            .retiring
            .iter()
            .filter(move |(_, until)| now < *until);
        keys.map(|(key, _)| key)
            .filter(|key| self.source.accepts(key))
    }

    /// Looks up a key ID that is not in the set, for a token that arrived at `arrived`.
    pub fn look_up_missing(
        &self,
        kid: Option<&str>,
        arrived: Timestamp,
        now: Timestamp,
    ) -> KeyLookup {
        if self.source.remote.is_none() || kid.is_some_and(|kid| self.source.refuses(kid)) {
            return KeyLookup::Absent;
        }
        // A fetch that began before the token arrived is not conclusive, unless it was very recent:
        // that limit keeps a flood of invented key IDs from causing a flood of fetches.
        let is_conclusive = |at: Timestamp| {
            (arrived..=now).contains(&at) || is_recent(at, now, UNKNOWN_KID_INTERVAL)
        };
        if self
            .record
            .lease
            .schedule
            .succeeded_at
            .is_some_and(is_conclusive)
        {
            KeyLookup::Absent
        } else if self.record.failures() > 0
            && self
                .record
                .lease
                .schedule
                .attempted_at
                .is_some_and(is_conclusive)
        {
            if self.record.is_being_fetched(now) {
                KeyLookup::Pending
            } else {
                KeyLookup::Unavailable
            }
        } else {
            KeyLookup::Pending
        }
    }

    /// How long ago the keys were fetched; `None` where there are none.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.record.age(now)
    }
}

#[cfg(test)]
mod tests;
