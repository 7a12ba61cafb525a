//! The revoked sessions.

use crate::json::Json;
use crate::keys::{HttpResponse, ReadError, object};
use crate::timestamp::Timestamp;

use super::{Id, SessionHandles};

#[cfg(test)]
mod tests;

/// The list of sessions that were revoked before their tokens expire. The companion keeps it, and
/// filters merge what they fetch: no entry is dropped before its end, and a full list revokes more
/// sessions, never fewer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revocations {
    /// All sessions that began then or earlier are revoked.
    floor: Timestamp,
    /// Sorted by `mark`, without duplicates.
    entries: Vec<Entry>,
}

/// The target of a revocation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Revoked {
    /// The session with this `sid`.
    Session(Id),
    /// All sessions of the person with this `handle`.
    Person(Id),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    mark: Revoked,
    /// Sessions that began then or earlier are revoked.
    before: Timestamp,
    /// When everything that it revokes has expired.
    ends: Timestamp,
}

/// The text is not a list of revocations.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list of revocations has another format than this release writes")]
pub struct RevocationsError(());

impl Revocations {
    /// The maximum number of entries. If one more is added, the oldest is removed, and `floor`
    /// rises to its `before`.
    pub const MAX_ENTRIES: usize = 4096;

    /// The longest text form, in bytes.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// Reads the companion's response.
    pub fn from_answer(answer: &HttpResponse<'_>) -> Result<Self, ReadError> {
        Self::read(&object(answer)?).ok_or(ReadError::Malformed)
    }

    /// Parses the form of [`Revocations::to_json`].
    pub fn parse(text: &[u8]) -> Result<Self, RevocationsError> {
        let json = (text.len() <= Self::MAX_BYTES)
            .then(|| Json::parse(text).ok())
            .flatten();
        json.and_then(|json| Self::read(&json))
            .ok_or(RevocationsError(()))
    }

    fn read(json: &Json) -> Option<Self> {
        if number(json, "version")? != 1 {
            return None;
        }
        let time = |json, name| number(json, name).map(Timestamp::from_secs);
        let mut list = Self {
            floor: time(json, "floor")?,
            entries: Vec::new(),
        };
        for entry in json.member("entries")?.as_array()? {
            let id = |name| entry.member(name);
            let (mark, text): (fn(Id) -> Revoked, &Json) = match (id("sid"), id("handle")) {
                (Some(sid), None) => (Revoked::Session, sid),
                (None, Some(handle)) => (Revoked::Person, handle),
                _ => return None,
            };
            list.insert(Entry {
                mark: mark(Id::parse(text.as_str()?)?),
                before: time(entry, "before")?,
                ends: time(entry, "ends")?,
            });
        }
        Some(list)
    }

    /// The text form: `{"version":1,"floor":S,"entries":[{"sid":…,"before":S,"ends":S},…]}`, times in
    /// seconds since the epoch.
    pub fn to_json(&self) -> String {
        let entries = self.entries.iter().map(|entry| {
            let (name, id) = match entry.mark {
                Revoked::Session(sid) => ("sid", sid),
                Revoked::Person(handle) => ("handle", handle),
            };
            let (before, ends) = (entry.before.secs(), entry.ends.secs());
            format!(r#"{{"{name}":"{id}","before":{before},"ends":{ends}}}"#)
        });
        let entries: Vec<String> = entries.collect();
        format!(
            r#"{{"version":1,"floor":{},"entries":[{}]}}"#,
            self.floor.secs(),
            entries.join(",")
        )
    }

    /// Revokes the sessions of `mark` that began at `before` or earlier. The entry applies until
    /// `ends`, when all of them have expired.
    pub fn end(&mut self, mark: Revoked, before: Timestamp, ends: Timestamp, now: Timestamp) {
        self.prune(now);
        self.insert(Entry { mark, before, ends });
    }

    /// Adds all entries of another list.
    pub fn unite(&mut self, other: &Self, now: Timestamp) {
        self.prune(now);
        self.raise_floor(other.floor);
        for entry in other.entries.iter().filter(|entry| now < entry.ends) {
            self.insert(*entry);
        }
    }

    /// Revokes all sessions that began at `floor` or earlier.
    pub fn raise_floor(&mut self, floor: Timestamp) {
        self.floor = self.floor.max(floor);
    }

    /// Drops expired entries.
    pub fn prune(&mut self, now: Timestamp) {
        self.entries.retain(|entry| now < entry.ends);
    }

    /// Whether a session is revoked.
    pub fn revokes(&self, handles: &SessionHandles, now: Timestamp) -> bool {
        let by = |mark: Revoked| {
            let entries = &self.entries;
            let found = entries.binary_search_by(|entry| entry.mark.cmp(&mark));
            let entry = found.ok().and_then(|at| entries.get(at));
            entry.is_some_and(|entry| now < entry.ends && handles.began <= entry.before)
        };
        handles.began <= self.floor
            || by(Revoked::Session(handles.sid))
            || by(Revoked::Person(handles.handle))
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no session is revoked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.floor == Timestamp::default()
    }

    /// All sessions that began then or earlier are revoked.
    pub const fn floor(&self) -> Timestamp {
        self.floor
    }

    /// Inserts an entry. Of two entries for the same target, the later `before` and the later
    /// `ends` apply. Lists are usually sorted, so entries are usually appended.
    fn insert(&mut self, entry: Entry) {
        let place = self
            .entries
            .binary_search_by(|known| known.mark.cmp(&entry.mark));
        match place {
            Ok(at) => {
                if let Some(known) = self.entries.get_mut(at) {
                    known.before = known.before.max(entry.before);
                    known.ends = known.ends.max(entry.ends);
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
        if self.entries.len() > Self::MAX_ENTRIES {
            let oldest = self.entries.iter().map(|entry| entry.before).min();
            self.raise_floor(oldest.unwrap_or_default());
            // The floor now covers these entries.
            let floor = self.floor;
            self.entries.retain(|entry| entry.before > floor);
        }
    }
}

fn number(json: &Json, name: &str) -> Option<u64> {
    match json.member(name)? {
        Json::Number(number) => number.as_u64(),
        _ => None,
    }
}
