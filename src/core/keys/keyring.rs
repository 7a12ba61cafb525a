//! One worker's copy of what is known of every trust entry's keys.

use std::time::Duration;

use super::schedule::{UNKNOWN_KID_INTERVAL, is_recent};
use super::{Key, Record, Thumbprint};
use crate::timestamp::Timestamp;
use crate::trust::{KeySource, Trust};

/// One worker's copy of what is known of every trust entry's keys, in policy order.
#[derive(Clone, Debug)]
pub struct Keyring {
    holdings: Vec<Holding>,
}

/// One trust entry's keys.
#[derive(Clone, Debug)]
pub struct Holding {
    source: KeySource,
    record: Record,
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
pub enum Absence {
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
        let holdings = sources.into_iter().map(|trust| Holding {
            source: trust.keys.clone(),
            record: Record::new(&trust.keys, now),
        });
        Self {
            holdings: holdings.collect(),
        }
    }

    /// The keys of the trust entry at this place of the policy.
    pub fn holding(&self, trust: usize) -> Option<&Holding> {
        self.holdings.get(trust)
    }

    /// Takes over what the workers know together of the trust entry at this place.
    pub fn update(&mut self, trust: usize, record: Record) {
        if let Some(holding) = self.holdings.get_mut(trust) {
            holding.record = record;
        }
    }

    /// Keys that stand in more than one set, each with the places of the first two entries that
    /// have it: clusters that were set up from one copy can't be told apart by their keys.
    pub fn shared(&self) -> Vec<(Thumbprint, usize, usize)> {
        let mut seen: Vec<(Thumbprint, usize)> = Vec::new();
        let mut shared = Vec::new();
        for (place, holding) in self.holdings.iter().enumerate() {
            for key in holding.record.current.iter().flat_map(|set| set.keys()) {
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

impl Holding {
    /// What the workers know together.
    pub const fn record(&self) -> &Record {
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
    pub fn absence(&self, kid: Option<&str>, arrived: Timestamp, now: Timestamp) -> Absence {
        if self.source.remote.is_none() || kid.is_some_and(|kid| self.source.refuses(kid)) {
            return Absence::Certain;
        }
        // A read that began before the token came says nothing of it, unless it was just now:
        // that bound is what keeps a flood of made-up key ids from becoming a flood of reads.
        let tells = |at: Timestamp| {
            (arrived..=now).contains(&at) || is_recent(at, now, UNKNOWN_KID_INTERVAL)
        };
        if self.record.turn.read_at.is_some_and(tells) {
            Absence::Certain
        } else if self.record.failures() > 0 && self.record.turn.attempted_at.is_some_and(tells) {
            if self.record.is_being_read(now) {
                Absence::Unread
            } else {
                Absence::Unknowable
            }
        } else {
            Absence::Unread
        }
    }

    /// How long ago the keys were fetched; `None` where there are none.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.record.age(now)
    }
}

#[cfg(test)]
mod tests;
