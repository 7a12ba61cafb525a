//! What the workers of a proxy share of one trust entry's keys.

use std::time::Duration;

use crate::fetch_lease::{FetchLease, LEASE, given, number, option, pair, time};
use crate::fetch_schedule::FetchSchedule;
use crate::json::Json;
use crate::jwk::{Key, KeySet};
use crate::timestamp::Timestamp;
use crate::trust::{KeySource, Url};

/// The version of the text form. It is part of the name in shared data, so that two releases in one
/// proxy never read each other's records.
const FORMAT: u32 = 1;

/// The longest text form, in bytes: two full key sets and some reserve.
const MAX_TEXT: usize = 2 << 20;

/// What the workers of a proxy share of one trust entry's keys.
///
/// Workers share it as text, through memory that other plugins may share, so it is parsed as
/// strictly as a response from the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyRecord {
    /// The last valid set.
    pub(super) current: Option<KeySet>,
    /// Keys that are no longer in the set, and until when each is still accepted: during a key
    /// rotation, several API servers behind one address may serve different sets.
    pub(super) retiring: Vec<(Key, Timestamp)>,
    /// When the set was fetched or, from a mirror, when the mirror fetched it.
    pub(super) fetched_at: Option<Timestamp>,
    /// The URL of the key set from discovery, and when it was fetched.
    pub(super) discovered: Option<(Url, Timestamp)>,
    /// How many fetches have begun.
    pub(super) attempts: u64,
    /// When the last fetch began that another entry's new key has caused.
    pub(super) confirmed_at: Option<Timestamp>,
    /// When the keys are fetched again, and by which worker.
    pub(super) lease: FetchLease,
}

/// The text is not a valid record. A worker that reads one replaces it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the shared key record is corrupted, or another release wrote it")]
pub struct KeyRecordError(());

impl KeyRecord {
    /// The record before the first fetch: the inline set, if there is one.
    pub fn new(source: &KeySource, now: Timestamp) -> Self {
        Self {
            current: source.inline.clone(),
            fetched_at: source.inline.as_ref().map(|_| now),
            ..Self::default()
        }
    }

    /// A record of a set as if it was fetched now, for a set that the process has itself.
    pub fn fetched_now(set: KeySet, now: Timestamp) -> Self {
        Self {
            current: Some(set),
            fetched_at: Some(now),
            lease: FetchLease {
                schedule: FetchSchedule {
                    succeeded_at: Some(now),
                    ..FetchSchedule::default()
                },
                holder: None,
            },
            ..Self::default()
        }
    }

    /// The same, without a lease.
    #[must_use]
    pub fn without_lease(mut self) -> Self {
        self.lease.holder = None;
        self
    }

    /// The last valid set.
    pub const fn set(&self) -> Option<&KeySet> {
        self.current.as_ref()
    }

    /// The text form: JSON, times in milliseconds since the epoch.
    pub fn to_text(&self) -> String {
        let pair = |one: String, at: &Timestamp| format!("[{one},{}]", at.millis());
        let retiring: Vec<String> = self
            .retiring
            .iter()
            .map(|(key, until)| pair(key.to_jwk(), until))
            .collect();
        // A URL has no characters that JSON escapes.
        let discovered = self
            .discovered
            .as_ref()
            .map(|(url, at)| pair(format!("\"{url}\""), at));
        format!(
            "{{\"format\":{FORMAT},\"current\":{},\"retiring\":[{}],\"fetched_at\":{},\
             \"discovered\":{},\"attempts\":{},\"confirmed_at\":{},{}}}",
            option(self.current.as_ref().map(KeySet::to_json)),
            retiring.join(","),
            option(self.fetched_at.map(|time| time.millis().to_string())),
            option(discovered),
            self.attempts,
            option(self.confirmed_at.map(|time| time.millis().to_string())),
            self.lease.to_members(),
        )
    }

    /// Reads the text form.
    pub fn from_text(text: &[u8]) -> Result<Self, KeyRecordError> {
        let json = (text.len() <= MAX_TEXT)
            .then(|| Json::parse(text).ok())
            .flatten();
        json.and_then(|json| Self::from_json(&json))
            .ok_or(KeyRecordError(()))
    }

    fn from_json(json: &Json) -> Option<Self> {
        if number(json.member("format")?)? != u64::from(FORMAT) {
            return None;
        }
        let current = match given(json, "current")? {
            Some(set) => Some(KeySet::from_json(set, None).ok()?),
            None => None,
        };
        let mut retiring = Vec::new();
        for one in json.member("retiring")?.as_array()? {
            let (jwk, until) = pair(one)?;
            retiring.push((key(jwk)?, until));
        }
        let discovered = match given(json, "discovered")? {
            Some(one) => {
                let (url, at) = pair(one)?;
                Some((Url::parse_document(url.as_str()?)?, at))
            }
            None => None,
        };
        Some(Self {
            current,
            retiring,
            fetched_at: time(json, "fetched_at")?,
            discovered,
            attempts: number(json.member("attempts")?)?,
            confirmed_at: time(json, "confirmed_at")?,
            lease: FetchLease::from_members(json)?,
        })
    }

    /// The keys of the last valid set, then those that are no longer in it and still accepted.
    pub(super) fn keys(&self, now: Timestamp) -> impl Iterator<Item = &Key> {
        let current = self.current.iter().flat_map(|set| set.keys());
        let retiring = self.retiring.iter().filter(move |(_, until)| now < *until);
        current.chain(retiring.map(|(key, _)| key))
    }

    /// How many fetches have begun.
    pub(super) const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Whether this record and another have had one attempt each, at the same time.
    pub(super) fn began_with(&self, other: &Self) -> bool {
        let began = |record: &Self| record.lease.schedule.attempted_at;
        let is_first = self.attempts == 1 && other.attempts == 1;
        is_first
            && began(self).zip(began(other)).is_some_and(|(one, two)| {
                let (earlier, later) = (one.min(two), one.max(two));
                later.since(earlier) < LEASE
            })
    }

    /// The age of the keys; `None` if there are none.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.fetched_at
            .filter(|_| self.current.is_some())
            .map(|at| now.since(at))
    }

    /// How many fetches have failed since the last successful one.
    pub const fn failures(&self) -> u32 {
        self.lease.schedule.failures
    }

    /// Replaces the set: keys that it lacks retire, keys that are back do not. No key is accepted
    /// after `until`, even if the clock has stepped back.
    pub(super) fn replace(&mut self, set: KeySet, until: Timestamp, now: Timestamp) {
        let there = |key: &Key| set.keys().iter().any(|other| other == key);
        self.retiring
            .retain(|(key, until)| *until > now && !there(key));
        for (_, retires) in &mut self.retiring {
            *retires = until.min(*retires);
        }
        if let Some(before) = &self.current {
            let missing = before.keys().iter().filter(|key| !there(key));
            self.retiring
                .extend(missing.map(|key| (key.clone(), until)));
        }
        self.retiring.truncate(KeySet::MAX_KEYS);
        self.current = Some(set);
    }
}

/// One key, from its text form.
fn key(jwk: &Json) -> Option<Key> {
    let set = Json::Object(vec![("keys".to_owned(), Json::Array(vec![jwk.clone()]))]);
    KeySet::from_json(&set, None).ok()?.keys().first().cloned()
}

#[cfg(test)]
mod tests;
