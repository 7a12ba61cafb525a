//! The revoked sessions.

use std::ops::Range;

use crate::json::Json;
use crate::keys::{HttpResponse, ReadError, object};
use crate::timestamp::Timestamp;

use super::{Id, SessionHandles};

#[cfg(test)]
mod tests;

/// The list of sessions that were revoked before their tokens expire. The companion keeps it, and
/// filters merge what they fetch: no entry is dropped before its end, and a full list revokes more
/// sessions, never fewer.
///
/// What one person causes costs that person alone: in a full list the entries of one person are
/// merged into one for all of that person's sessions. Only a list that is full of different people
/// raises the floor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revocations {
    /// All sessions that began then or earlier are revoked.
    floor: Timestamp,
    /// Sorted by `person` and `mark`, without duplicates.
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
    /// The person whose session it is, by their `handle`. `None` where that is not known.
    person: Option<Id>,
    /// Sessions that began then or earlier are revoked.
    before: Timestamp,
    /// When everything that it revokes has expired.
    ends: Timestamp,
}

/// The text is not a list of revocations.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list of revocations is corrupted, or another release wrote it")]
pub struct RevocationsError(());

impl Revocations {
    /// The maximum number of entries. If one more is added, the entries of the person who has most
    /// are merged. Where nobody has two, the oldest is removed, and `floor` rises to its `before`.
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
            let text = |name| entry.member(name).map(Json::as_str);
            let (mark, person) = match (text("sid"), text("handle")) {
                (Some(sid), None) => {
                    let (sid, person) = match sid?.split_once('.') {
                        Some((sid, person)) => (sid, Some(Id::parse(person)?)),
                        None => (sid?, None),
                    };
                    (Revoked::Session(Id::parse(sid)?), person)
                }
                (None, Some(handle)) => {
                    let handle = Id::parse(handle?)?;
                    (Revoked::Person(handle), Some(handle))
                }
                _ => return None,
            };
            list.insert(Entry {
                mark,
                person,
                before: time(entry, "before")?,
                ends: time(entry, "ends")?,
            });
        }
        list.shrink();
        Some(list)
    }

    /// The text form: `{"version":1,"floor":S,"entries":[{"sid":…,"before":S,"ends":S},…]}`, times in
    /// seconds since the epoch. Behind a `sid` is a dot and the handle of its person, where that is
    /// known. An entry for all sessions of a person has a `handle` instead.
    pub fn to_json(&self) -> String {
        let entries = self.entries.iter().map(|entry| {
            let (before, ends) = (entry.before.secs(), entry.ends.secs());
            let times = format!(r#""before":{before},"ends":{ends}"#);
            match (entry.mark, entry.person) {
                (Revoked::Session(sid), Some(person)) => {
                    format!(r#"{{"sid":"{sid}.{person}",{times}}}"#)
                }
                (Revoked::Session(sid), None) => format!(r#"{{"sid":"{sid}",{times}}}"#),
                (Revoked::Person(handle), _) => format!(r#"{{"handle":"{handle}",{times}}}"#),
            }
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
        self.add(mark, mark.person(), before, ends, now);
    }

    /// The same for the session `sid` of a person, so that the entry can be merged with others of
    /// that person.
    pub fn end_session_of(
        &mut self,
        person: Id,
        sid: Id,
        before: Timestamp,
        ends: Timestamp,
        now: Timestamp,
    ) {
        self.add(Revoked::Session(sid), Some(person), before, ends, now);
    }

    fn add(
        &mut self,
        mark: Revoked,
        person: Option<Id>,
        before: Timestamp,
        ends: Timestamp,
        now: Timestamp,
    ) {
        self.prune(now);
        self.insert(Entry {
            mark,
            person,
            before,
            ends,
        });
        self.shrink();
    }

    /// Adds all entries of another list.
    pub fn unite(&mut self, other: &Self, now: Timestamp) {
        self.prune(now);
        self.raise_floor(other.floor);
        for entry in other.entries.iter().filter(|entry| now < entry.ends) {
            self.insert(*entry);
        }
        self.shrink();
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
        let person = Revoked::Person(handles.handle);
        handles.began <= self.floor
            || self.names(handles, now)
            || self.has(person.person(), person, handles.began, now)
    }

    /// Whether an entry for exactly this session revokes it.
    pub fn names(&self, handles: &SessionHandles, now: Timestamp) -> bool {
        let session = Revoked::Session(handles.sid);
        self.has(Some(handles.handle), session, handles.began, now)
            || self.has(None, session, handles.began, now)
    }

    /// Whether there is an entry with this key that applies to what began then.
    fn has(&self, person: Option<Id>, mark: Revoked, began: Timestamp, now: Timestamp) -> bool {
        let entry = self.place(person, mark).ok();
        let entry = entry.and_then(|at| self.entries.get(at));
        entry.is_some_and(|entry| now < entry.ends && began <= entry.before)
    }

    /// Where the entry with this key is, or where it would be.
    fn place(&self, person: Option<Id>, mark: Revoked) -> Result<usize, usize> {
        let key = (person, mark);
        self.entries
            .binary_search_by(|entry| (entry.person, entry.mark).cmp(&key))
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

    /// Inserts an entry. Of two entries for the same target, the later `before` and the later `ends`
    /// apply. Lists are usually sorted, so entries are usually appended.
    fn insert(&mut self, entry: Entry) {
        match self.place(entry.person, entry.mark) {
            Ok(at) => {
                if let Some(known) = self.entries.get_mut(at) {
                    known.before = known.before.max(entry.before);
                    known.ends = known.ends.max(entry.ends);
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }

    /// Brings a list that is too long back to its maximum: merges the entries of the person who has
    /// most, then of the next, and raises the floor only if that is not enough.
    fn shrink(&mut self) {
        while self.entries.len() > Self::MAX_ENTRIES {
            if let Some(run) = self.longest_run() {
                self.merge(run);
                continue;
            }
            let oldest = self.entries.iter().map(|entry| entry.before).min();
            self.raise_floor(oldest.unwrap_or_default());
            // The floor now covers these entries.
            let floor = self.floor;
            self.entries.retain(|entry| entry.before > floor);
        }
    }

    /// The entries of the person who has most; `None` if no person has two.
    fn longest_run(&self) -> Option<Range<usize>> {
        let mut longest = 0..1;
        let (mut start, mut person) = (0, None);
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.person.is_none() || entry.person != person {
                (start, person) = (at, entry.person);
            }
            let run = start..at.saturating_add(1);
            if run.len() > longest.len() {
                longest = run;
            }
        }
        (longest.len() > 1).then_some(longest)
    }

    /// Merges all entries of one person into one, which revokes what any of them revokes, and more of
    /// that person alone.
    fn merge(&mut self, run: Range<usize>) {
        let start = run.start;
        let merged = self.entries.drain(run).reduce(|merged, entry| Entry {
            before: merged.before.max(entry.before),
            ends: merged.ends.max(entry.ends),
            ..merged
        });
        if let Some((merged, person)) =
            merged.and_then(|merged| merged.person.map(|id| (merged, id)))
        {
            let mark = Revoked::Person(person);
            self.entries.insert(start, Entry { mark, ..merged });
        }
    }
}

impl Revoked {
    /// The person, if all of their sessions are revoked.
    fn person(self) -> Option<Id> {
        match self {
            Self::Session(_) => None,
            Self::Person(handle) => Some(handle),
        }
    }
}

fn number(json: &Json, name: &str) -> Option<u64> {
    match json.member(name)? {
        Json::Number(number) => number.as_u64(),
        _ => None,
    }
}
