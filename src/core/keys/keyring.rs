//! One worker's copy of the keys of all sources.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::KeyRecord;
use super::schedule::UNKNOWN_KID_INTERVAL;
use crate::fetch_schedule::is_recent;
use crate::jwk::{Key, Thumbprint};
use crate::timestamp::Timestamp;
use crate::trust::{KeySource, KeySourceId, PerKeySource, Trust};

/// One worker's copy of the keys of all sources.
#[derive(Clone, Debug)]
pub struct Keyring {
    trust_keys: PerKeySource<TrustKeys>,
}

/// The keys of one trust entry or of the companion.
#[derive(Clone, Debug)]
pub struct TrustKeys {
    name: String,
    source: KeySource,
    record: Arc<KeyRecord>,
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

/// A key that is in the sets of two sources.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SharedKey<'a> {
    /// The key.
    pub thumbprint: Thumbprint,
    /// The name of the first source, in policy order, that has it.
    pub first: &'a str,
    /// The name of the second source.
    pub second: &'a str,
}

// === impl Keyring ===

impl Keyring {
    /// The keyring of [`crate::policy::Policy::key_sources`] before the first fetch: inline keys
    /// only.
    pub fn new<'a>(
        sources: impl IntoIterator<Item = (KeySourceId, &'a Trust)>,
        now: Timestamp,
    ) -> Self {
        let trust_keys = sources.into_iter().map(|(id, trust)| {
            let keys = TrustKeys {
                name: trust.name.clone(),
                source: trust.keys.clone(),
                record: Arc::new(KeyRecord::new(&trust.keys, now)),
            };
            (id, keys)
        });
        Self {
            trust_keys: trust_keys.collect(),
        }
    }

    /// The keys of one source.
    pub fn trust_keys(&self, source: KeySourceId) -> Option<&TrustKeys> {
        self.trust_keys.get(source)
    }

    /// Replaces the record of one source by the one that the workers share.
    pub fn update(&mut self, source: KeySourceId, record: impl Into<Arc<KeyRecord>>) {
        if let Some(trust_keys) = self.trust_keys.get_mut(source) {
            trust_keys.record = record.into();
        }
    }

    /// Keys that are in more than one set, each with the names of the first two sources that have
    /// it: clusters that were set up from one copy can't be distinguished by their keys.
    pub fn shared(&self) -> Vec<SharedKey<'_>> {
        let mut seen: Vec<(Thumbprint, KeySourceId, &str)> = Vec::new();
        let mut shared = Vec::new();
        for (source, trust_keys) in self.trust_keys.iter() {
            for key in trust_keys.record.current.iter().flat_map(|set| set.keys()) {
                let thumbprint = key.thumbprint();
                match seen.iter().find(|(other, ..)| *other == thumbprint) {
                    Some((_, first, name)) if *first != source => shared.push(SharedKey {
                        thumbprint,
                        first: name,
                        second: &trust_keys.name,
                    }),
                    Some(_) => {}
                    None => seen.push((thumbprint, source, &trust_keys.name)),
                }
            }
        }
        shared
    }
}

// === impl SharedKey ===

/// The warning for the log.
impl fmt::Display for SharedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            thumbprint,
            first,
            second,
        } = self;
        write!(
            f,
            "trust entries {first} and {second} have the same key ({thumbprint}), which \
             can sign tokens for both, and the first entry in the policy is taken; help: give each \
             cluster its own signing keys, or set `keys.pins`"
        )
    }
}

// === impl TrustKeys ===

impl TrustKeys {
    /// The record that the workers share.
    pub fn record(&self) -> &KeyRecord {
        &self.record
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
        let keys = self.record.current.iter().flat_map(|set| set.keys());
        keys.filter(|key| self.source.accepts(key))
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
            .read_at
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
            if self.record.is_being_read(now) {
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
