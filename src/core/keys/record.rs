//! What the workers of a proxy know together of one trust entry's keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Key, KeySet};
use crate::json::Json;
use crate::timestamp::Timestamp;
use crate::trust::{KeySource, Url};

/// The version of the text form. Part of its name in shared data, so that two releases in one proxy
/// never read each other's.
const FORMAT: u32 = 1;

/// The longest text form that is read, in bytes: two full key sets and some room.
const MAX_TEXT: usize = 2 << 20;

/// What the workers of a proxy know together of one trust entry's keys.
///
/// Workers hand it round as text, through memory that other plugins may share, so it is parsed as
/// strictly as an answer from the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The last good set.
    pub(super) current: Option<KeySet>,
    /// Keys that were in the set before and are missing now, and until when each still counts: API
    /// servers behind one address flap while they roll out a new key.
    pub(super) retiring: Vec<(Key, Timestamp)>,
    /// How old the set is: when it was read or, from a mirror, when the mirror read it.
    pub(super) fetched_at: Option<Timestamp>,
    /// When the last good read began here.
    pub(super) read_at: Option<Timestamp>,
    /// When the last read of either outcome began.
    pub(super) attempted_at: Option<Timestamp>,
    /// How many reads have failed since the last good one.
    pub(super) failures: u32,
    /// When the next read is due without anybody asking for it.
    pub(super) next: Timestamp,
    /// Where discovery found the key set, and when.
    pub(super) located: Option<(Url, Timestamp)>,
    /// The worker that reads just now, and when its turn ends whatever happens.
    pub(super) lease: Option<(u64, Timestamp)>,
}

/// Why a text is not a record. Whoever finds one starts anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what is shared of this trust entry's keys is not of the form that this release writes")]
pub struct RecordError(());

/// The text form, in JSON. Times are milliseconds since the epoch; sets and keys are JSON as text.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: u32,
    current: Option<String>,
    retiring: Vec<(String, u64)>,
    fetched_at: Option<u64>,
    read_at: Option<u64>,
    attempted_at: Option<u64>,
    failures: u32,
    next: u64,
    located: Option<(String, u64)>,
    lease: Option<(u64, u64)>,
}

impl Record {
    /// What is known before anything was read: the inline set, if there is one, as old as now.
    pub fn new(source: &KeySource, now: Timestamp) -> Self {
        Self {
            current: source.inline.clone(),
            fetched_at: source.inline.as_ref().map(|_| now),
            ..Self::default()
        }
    }

    /// The text form, which every worker reads the same.
    pub fn to_text(&self) -> String {
        let wire = Wire {
            format: FORMAT,
            current: self.current.as_ref().map(KeySet::to_json),
            retiring: self
                .retiring
                .iter()
                .map(|(key, until)| (key.to_jwk(), until.millis()))
                .collect(),
            fetched_at: self.fetched_at.map(Timestamp::millis),
            read_at: self.read_at.map(Timestamp::millis),
            attempted_at: self.attempted_at.map(Timestamp::millis),
            failures: self.failures,
            next: self.next.millis(),
            located: self
                .located
                .as_ref()
                .map(|(url, at)| (url.to_string(), at.millis())),
            lease: self.lease.map(|(holder, until)| (holder, until.millis())),
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Reads the text form.
    pub fn from_text(text: &[u8]) -> Result<Self, RecordError> {
        let wire: Wire = (text.len() <= MAX_TEXT)
            .then(|| serde_json::from_slice(text).ok())
            .flatten()
            .filter(|wire: &Wire| wire.format == FORMAT)
            .ok_or(RecordError(()))?;
        let current = match wire.current {
            Some(set) => Some(KeySet::parse(set.as_bytes(), None).map_err(|_| RecordError(()))?),
            None => None,
        };
        let mut retiring = Vec::new();
        for (jwk, until) in wire.retiring {
            retiring.push((
                key(&jwk).ok_or(RecordError(()))?,
                Timestamp::from_millis(until),
            ));
        }
        let located = match wire.located {
            Some((url, at)) => {
                let url = Url::parse(&url).ok_or(RecordError(()))?;
                Some((url, Timestamp::from_millis(at)))
            }
            None => None,
        };
        Ok(Self {
            current,
            retiring,
            fetched_at: wire.fetched_at.map(Timestamp::from_millis),
            read_at: wire.read_at.map(Timestamp::from_millis),
            attempted_at: wire.attempted_at.map(Timestamp::from_millis),
            failures: wire.failures,
            next: Timestamp::from_millis(wire.next),
            located,
            lease: wire
                .lease
                .map(|(holder, until)| (holder, Timestamp::from_millis(until))),
        })
    }

    /// How old the keys are; `None` where there are none.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.fetched_at
            .filter(|_| self.current.is_some())
            .map(|at| now.since(at))
    }

    /// How many reads have failed since the last good one.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes over a good set: keys that it lacks retire, keys that are back no longer do. No key
    /// retires later than `until`, also where the clock has stepped back.
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
fn key(jwk: &str) -> Option<Key> {
    let jwk = Json::parse(jwk.as_bytes()).ok()?;
    let set = Json::Object(vec![("keys".to_owned(), Json::Array(vec![jwk]))]);
    KeySet::from_json(&set, None).ok()?.keys().first().cloned()
}

#[cfg(test)]
mod tests;
