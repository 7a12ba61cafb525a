//! The sessions that ended before their tokens expire.

use std::collections::BTreeMap;

use crate::json::Json;
use crate::keys::{HttpResponse, ReadError, object};
use crate::timestamp::Timestamp;

use super::{Id, SessionHandles};

#[cfg(test)]
mod tests;

/// The sessions that were revoked before their tokens expire. The companion keeps the list, and
/// filters unite what they read of it: nothing is dropped before its end, and a full list refuses
/// more, not less.
///
/// What one person causes costs that person alone: in a full list the entries of one person are
/// merged into one for all of that person's sessions. Only a list that is full of different people
/// raises the floor.
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
    /// The person whose session it is, by their `handle`. `None` where that is not known.
    person: Option<Id>,
    /// Sessions that began then or earlier are revoked.
    before: Timestamp,
    /// When all that it ends has expired anyway.
    ends: Timestamp,
}

/// The text is not a list of revocations.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list of revocations has another format than this release writes")]
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
        let mut entries = Vec::new();
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
            entries.push(Entry {
                mark,
                person,
                before: time(entry, "before")?,
                ends: time(entry, "ends")?,
            });
        }
        let mut list = Self {
            floor: time(json, "floor")?,
            entries: Vec::new(),
        };
        list.insert(entries);
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

    /// Ends what `mark` names and began at `before` or earlier. The entry counts until `ends`, which
    /// is when all of that has expired anyway.
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
        self.insert([Entry {
            mark,
            person,
            before,
            ends,
        }]);
        self.shrink();
    }

    /// Adds all entries of another list.
    pub fn unite(&mut self, other: &Self, now: Timestamp) {
        self.prune(now);
        self.raise_floor(other.floor);
        let entries = other.entries.iter().filter(|entry| now < entry.ends);
        self.insert(entries.copied());
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
        handles.began <= self.floor
            || self.names(Revoked::Session(handles.sid), handles.began, now)
            || self.names(Revoked::Person(handles.handle), handles.began, now)
    }

    /// Whether there is an entry for exactly this target, and what began at `began` is revoked by it.
    pub fn names(&self, mark: Revoked, began: Timestamp, now: Timestamp) -> bool {
        let entries = &self.entries;
        let found = entries.binary_search_by(|entry| entry.mark.cmp(&mark));
        let entry = found.ok().and_then(|at| entries.get(at));
        entry.is_some_and(|entry| now < entry.ends && began <= entry.before)
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

    /// Inserts entries. Of two entries for the same target, the later `before` and the later `ends`
    /// apply.
    fn insert(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.extend(entries);
        self.entries.sort_by_key(|entry| entry.mark);
        self.entries.dedup_by(|entry, known| {
            let is_same = entry.mark == known.mark;
            if is_same {
                known.before = known.before.max(entry.before);
                known.ends = known.ends.max(entry.ends);
                known.person = known.person.or(entry.person);
            }
            is_same
        });
    }

    /// Brings a list that is too long back to its maximum: merges the entries of the person who has
    /// most, then of the next, and raises the floor only if that is not enough.
    fn shrink(&mut self) {
        let Some(mut surplus) = self.surplus() else {
            return;
        };
        let mut counts: BTreeMap<Id, usize> = BTreeMap::new();
        for person in self.entries.iter().filter_map(|entry| entry.person) {
            let count = counts.entry(person).or_default();
            *count = count.saturating_add(1);
        }
        let mut counts: Vec<(usize, Id)> = counts
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(person, count)| (count, person))
            .collect();
        counts.sort_unstable();
        let mut merged = BTreeMap::new();
        while surplus > 0
            && let Some((count, person)) = counts.pop()
        {
            surplus = surplus.saturating_sub(count.saturating_sub(1));
            merged.insert(person, None);
        }
        self.merge(merged);
        if let Some(surplus) = self.surplus() {
            let mut times: Vec<Timestamp> = self.entries.iter().map(|entry| entry.before).collect();
            times.sort_unstable();
            let floor = surplus.checked_sub(1).and_then(|last| times.get(last));
            self.raise_floor(floor.copied().unwrap_or_default());
            // The floor now covers these entries.
            let floor = self.floor;
            self.entries.retain(|entry| entry.before > floor);
        }
    }

    /// How many entries there are too many.
    fn surplus(&self) -> Option<usize> {
        let surplus = self.entries.len().checked_sub(Self::MAX_ENTRIES)?;
        (surplus > 0).then_some(surplus)
    }

    /// Merges all entries of each of these people into one. It revokes what any of them revokes, and
    /// more of that person alone.
    fn merge(&mut self, mut people: BTreeMap<Id, Option<Entry>>) {
        self.entries.retain(|entry| {
            let Some(merged) = entry.person.and_then(|person| people.get_mut(&person)) else {
                return true;
            };
            let before = merged.map_or(entry.before, |merged| merged.before.max(entry.before));
            let ends = merged.map_or(entry.ends, |merged| merged.ends.max(entry.ends));
            *merged = Some(Entry {
                before,
                ends,
                ..*entry
            });
            false
        });
        let merged = people.into_iter().filter_map(|(person, merged)| {
            merged.map(|merged| Entry {
                mark: Revoked::Person(person),
                ..merged
            })
        });
        self.insert(merged);
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
