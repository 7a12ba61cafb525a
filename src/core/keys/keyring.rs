//! One worker's copy of what is known of every trust entry's keys.

use std::time::Duration;

use super::schedule::{UNKNOWN_KID_INTERVAL, is_recent};
use super::{Key, KeyRecord, Thumbprint};
use crate::timestamp::Timestamp;
use crate::trust::{KeySource, Trust};

/// One worker's copy of what is known of every trust entry's keys, in policy order.
#[derive(Clone, Debug)]
pub struct Keyring {
    trust_keys: Vec<TrustKeys>,
}

/// One trust entry's keys.
#[derive(Clone, Debug)]
pub struct TrustKeys {
    source: KeySource,
    record: KeyRecord,
}

/// Whether a trust entry's keys may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// They may.
    Usable,
    /// There are none, because nothing could be read yet.
    Empty,
    /// They were fetched longer ago than `max_stale`.
    Stale,
}

/// What it means that a trust entry has no key of some key id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyLookup {
    /// The issuer has no such key: a good set read since then, or just now, lacks it.
    Certain,
    /// Nobody can tell, because the issuer's keys could not be read.
    Unknowable,
    /// A read will tell.
    Unread,
}

impl Keyring {
    /// What is known before anything was read.
    pub fn new<'a>(sources: impl IntoIterator<Item = &'a Trust>, now: Timestamp) -> Self {
        let trust_keys = sources.into_iter().map(|trust| TrustKeys {
            source: trust.keys.clone(),
            record: KeyRecord::new(&trust.keys, now),
        });
        Self {
            trust_keys: trust_keys.collect(),
        }
    }

    /// The keys of the trust entry at this place of the policy.
    pub fn trust_keys(&self, trust: usize) -> Option<&TrustKeys> {
        self.trust_keys.get(trust)
    }

    /// Takes over what the workers know together of the trust entry at this place.
    pub fn update(&mut self, trust: usize, record: KeyRecord) {
        if let Some(trust_keys) = self.trust_keys.get_mut(trust) {
            trust_keys.record = record;
        }
    }

    /// Keys that stand in more than one set, each with the places of the first two entries that
    /// have it: clusters that were set up from one copy can't be told apart by their keys.
    pub fn shared(&self) -> Vec<(Thumbprint, usize, usize)> {
        let mut seen: Vec<(Thumbprint, usize)> = Vec::new();
        let mut shared = Vec::new();
        for (place, trust_keys) in self.trust_keys.iter().enumerate() {
            for key in trust_keys.record.current.iter().flat_map(|set| set.keys()) {
                let thumbprint = key.thumbprint();
                match seen.iter().find(|(other, _)| *other == thumbprint) {
                    Some((_, first)) if *first != place => {
                        shared.push((thumbprint, *first, place));
                    }
                    Some(_) => {}
                    None => seen.push((thumbprint, place)),
                }
            }
        }
        shared
    }
}

impl TrustKeys {
    /// What the workers know together.
    pub const fn record(&self) -> &KeyRecord {
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

    /// The keys of the last good set, without those that the policy refuses.
    pub fn current(&self) -> impl Iterator<Item = &Key> {
        let keys = self.record.current.iter().flat_map(|set| set.keys());
        keys.filter(|key| self.source.accepts(key))
    }

    /// Keys that the last good set lacks and that still count, without those that the policy
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

    /// What it means that no key of this key id is here, for a token that came at `arrived`.
    pub fn absence(&self, kid: Option<&str>, arrived: Timestamp, now: Timestamp) -> KeyLookup {
        if self.source.remote.is_none() || kid.is_some_and(|kid| self.source.refuses(kid)) {
            return KeyLookup::Certain;
        }
        // A read that began before the token came says nothing of it, unless it was just now:
        // that bound is what keeps a flood of made-up key ids from becoming a flood of reads.
        let tells = |at: Timestamp| {
            (arrived..=now).contains(&at) || is_recent(at, now, UNKNOWN_KID_INTERVAL)
        };
        if self.record.lease.read_at.is_some_and(tells) {
            KeyLookup::Certain
        } else if self.record.failures() > 0 && self.record.lease.attempted_at.is_some_and(tells) {
            if self.record.is_being_read(now) {
                KeyLookup::Unread
            } else {
                KeyLookup::Unknowable
            }
        } else {
            KeyLookup::Unread
        }
    }

    /// How long ago the keys were fetched; `None` where there are none.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.record.age(now)
    }
}

#[cfg(test)]
mod tests;
