//! What the workers of a proxy know together of one trust entry's keys.

use std::time::Duration;

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

impl Record {
    /// What is known before anything was read: the inline set, if there is one, as old as now.
    pub fn new(source: &KeySource, now: Timestamp) -> Self {
        Self {
            current: source.inline.clone(),
            fetched_at: source.inline.as_ref().map(|_| now),
            ..Self::default()
        }
    }

    /// What is known where a set is at hand and need not be asked for: as good as read just now.
    pub fn at_hand(set: KeySet, now: Timestamp) -> Self {
        Self {
            current: Some(set),
            fetched_at: Some(now),
            read_at: Some(now),
            ..Self::default()
        }
    }

    /// The same, nobody having the turn to read.
    #[must_use]
    pub fn without_turn(self) -> Self {
        Self {
            lease: None,
            ..self
        }
    }

    /// The last good set.
    pub const fn set(&self) -> Option<&KeySet> {
        self.current.as_ref()
    }

    /// The text form, which every worker reads the same: JSON, times in milliseconds since the
    /// epoch.
    pub fn to_text(&self) -> String {
        let time = |time: Option<Timestamp>| option(time.map(|time| time.millis().to_string()));
        let pair = |one: String, at: &Timestamp| format!("[{one},{}]", at.millis());
        let retiring: Vec<String> = self
            .retiring
            .iter()
            .map(|(key, until)| pair(key.to_jwk(), until))
            .collect();
        // A URL holds nothing that JSON would escape.
        let located = self
            .located
            .as_ref()
            .map(|(url, at)| pair(format!("\"{url}\""), at));
        let lease = self
            .lease
            .as_ref()
            .map(|(holder, until)| pair(holder.to_string(), until));
        format!(
            "{{\"format\":{FORMAT},\"current\":{},\"retiring\":[{}],\"fetched_at\":{},\
             \"read_at\":{},\"attempted_at\":{},\"failures\":{},\"next\":{},\"located\":{},\
             \"lease\":{}}}",
            option(self.current.as_ref().map(KeySet::to_json)),
            retiring.join(","),
            time(self.fetched_at),
            time(self.read_at),
            time(self.attempted_at),
            self.failures,
            self.next.millis(),
            option(located),
            option(lease),
        )
    }

    /// Reads the text form.
    pub fn from_text(text: &[u8]) -> Result<Self, RecordError> {
        let json = (text.len() <= MAX_TEXT)
            .then(|| Json::parse(text).ok())
            .flatten();
        json.and_then(|json| Self::from_json(&json))
            .ok_or(RecordError(()))
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
        let located = match given(json, "located")? {
            Some(one) => {
                let (url, at) = pair(one)?;
                Some((Url::parse(url.as_str()?)?, at))
            }
            None => None,
        };
        let lease = match given(json, "lease")? {
            Some(one) => {
                let (holder, until) = pair(one)?;
                Some((number(holder)?, until))
            }
            None => None,
        };
        let time = |name| match given(json, name)? {
            Some(time) => number(time).map(|time| Some(Timestamp::from_millis(time))),
            None => Some(None),
        };
        Some(Self {
            current,
            retiring,
            fetched_at: time("fetched_at")?,
            read_at: time("read_at")?,
            attempted_at: time("attempted_at")?,
            failures: u32::try_from(number(json.member("failures")?)?).ok()?,
            next: Timestamp::from_millis(number(json.member("next")?)?),
            located,
            lease,
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

/// A value that may not be there, in JSON.
fn option(text: Option<String>) -> String {
    text.unwrap_or_else(|| "null".to_owned())
}

/// A member that must stand there and may be `null`.
fn given<'a>(json: &'a Json, name: &str) -> Option<Option<&'a Json>> {
    json.member(name)
        .map(|value| Some(value).filter(|value| **value != Json::Null))
}

fn number(json: &Json) -> Option<u64> {
    if let Json::Number(number) = json {
        number.as_u64()
    } else {
        None
    }
}

/// A value and its time.
fn pair(json: &Json) -> Option<(&Json, Timestamp)> {
    if let Some([value, time]) = json.as_array() {
        Some((value, Timestamp::from_millis(number(time)?)))
    } else {
        None
    }
}

/// One key, from its text form.
fn key(jwk: &Json) -> Option<Key> {
    let set = Json::Object(vec![("keys".to_owned(), Json::Array(vec![jwk.clone()]))]);
    KeySet::from_json(&set, None).ok()?.keys().first().cloned()
}

#[cfg(test)]
mod tests;
