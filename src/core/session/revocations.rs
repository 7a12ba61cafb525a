//! The revoked sessions.

use std::ops::Range;

use crate::json::Json;
use crate::keys::{HttpResponse, ResponseError, object};
use crate::timestamp::Timestamp;

use super::{Id, SessionHandles};

#[cfg(test)]
mod tests;

/// The list of sessions that were revoked before their tokens expire. The companion keeps it, and
/// filters merge what they fetch: no entry is dropped before its end, and a full list revokes more
/// sessions, never fewer.
///
/// In a full list, the entries of the user who has the most are merged into one for all sessions of
/// that user. If no user has two entries, the oldest entry is removed and the
/// *floor* rises to its time: all sessions of all users that began at the floor or earlier are
/// revoked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revocations {
    /// All sessions that began at this time or earlier are revoked. Zero revokes none.
    floor: Timestamp,
    /// Sorted by `user` and `target`, without duplicates.
    entries: Vec<Entry>,
}

/// The target of a revocation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Revoked {
    /// The session with this `sid`.
    Session(Id),
    /// All sessions of the user with this `handle`.
    User(Id),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    target: Revoked,
    /// The `handle` of the user whose session it is; `None` if it is unknown.
    user: Option<Id>,
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
    /// The maximum number of entries. If one more is added, the entries of the user who has most
    /// are merged. If no user has two, the oldest is removed, and the floor rises to its `before`.
    pub const MAX_ENTRIES: usize = 4096;

    /// The longest text form, in bytes.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// Reads the companion's response.
    pub fn from_response(response: &HttpResponse<'_>) -> Result<Self, ResponseError> {
        Self::read(&object(response)?).ok_or(ResponseError::Malformed)
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
            let (target, user) = match (text("sid"), text("handle")) {
                (Some(sid), None) => {
                    let (sid, user) = match sid?.split_once('.') {
                        Some((sid, user)) => (sid, Some(Id::parse(user)?)),
                        None => (sid?, None),
                    };
                    (Revoked::Session(Id::parse(sid)?), user)
                }
                (None, Some(handle)) => {
                    let handle = Id::parse(handle?)?;
                    (Revoked::User(handle), Some(handle))
                }
                _ => return None,
            };
            list.insert(Entry {
                target,
                user,
                before: time(entry, "before")?,
                ends: time(entry, "ends")?,
            });
        }
        list.shrink();
        Some(list)
    }

    /// The text form: `{"version":1,"floor":S,"entries":[{"sid":…,"before":S,"ends":S},…]}`, times in
    /// seconds since the epoch. A `sid` is followed by a dot and the handle of its user, if that is
    /// known. An entry for all sessions of a user has a `handle` instead.
    pub fn to_json(&self) -> String {
        let entries = self.entries.iter().map(|entry| {
            let (before, ends) = (entry.before.secs(), entry.ends.secs());
            let times = format!(r#""before":{before},"ends":{ends}"#);
            match (entry.target, entry.user) {
                (Revoked::Session(sid), Some(user)) => {
                    format!(r#"{{"sid":"{sid}.{user}",{times}}}"#)
                }
                (Revoked::Session(sid), None) => format!(r#"{{"sid":"{sid}",{times}}}"#),
                (Revoked::User(handle), _) => format!(r#"{{"handle":"{handle}",{times}}}"#),
            }
        });
        let entries: Vec<String> = entries.collect();
        format!(
            r#"{{"version":1,"floor":{},"entries":[{}]}}"#,
            self.floor.secs(),
            entries.join(",")
        )
    }

    /// Revokes the sessions of `target` that began at `before` or earlier. The entry applies until
    /// `ends`, when all of them have expired.
    pub fn revoke(&mut self, target: Revoked, before: Timestamp, ends: Timestamp, now: Timestamp) {
        self.add(target, target.user(), before, ends, now);
    }

    /// The same for the session `sid` of a user, so that the entry can be merged with others of
    /// that user.
    pub fn revoke_session_of(
        &mut self,
        user: Id,
        sid: Id,
        before: Timestamp,
        ends: Timestamp,
        now: Timestamp,
    ) {
        self.add(Revoked::Session(sid), Some(user), before, ends, now);
    }

    fn add(
        &mut self,
        target: Revoked,
        user: Option<Id>,
        before: Timestamp,
        ends: Timestamp,
        now: Timestamp,
    ) {
        self.prune(now);
        self.insert(Entry {
            target,
            user,
            before,
            ends,
        });
        self.shrink();
    }

    /// Adds all entries of another list.
    pub fn merge(&mut self, other: &Self, now: Timestamp) {
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
        let user = Revoked::User(handles.handle);
        handles.began <= self.floor
            || self.revokes_by_sid(handles, now)
            || self.has(user.user(), user, handles.began, now)
    }

    /// Whether an entry for exactly this session revokes it.
    pub fn revokes_by_sid(&self, handles: &SessionHandles, now: Timestamp) -> bool {
        let session = Revoked::Session(handles.sid);
        self.has(Some(handles.handle), session, handles.began, now)
            || self.has(None, session, handles.began, now)
    }

    /// Whether there is an entry with this key that applies to what began then.
    fn has(&self, user: Option<Id>, target: Revoked, began: Timestamp, now: Timestamp) -> bool {
        let entry = self.place(user, target).ok();
        let entry = entry.and_then(|at| self.entries.get(at));
        entry.is_some_and(|entry| now < entry.ends && began <= entry.before)
    }

    /// Where the entry with this key is, or where it would be.
    fn place(&self, user: Option<Id>, target: Revoked) -> Result<usize, usize> {
        let key = (user, target);
        self.entries
            .binary_search_by(|entry| (entry.user, entry.target).cmp(&key))
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
        match self.place(entry.user, entry.target) {
            Ok(at) => {
                if let Some(known) = self.entries.get_mut(at) {
                    known.before = known.before.max(entry.before);
                    known.ends = known.ends.max(entry.ends);
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }

    /// Brings a list that is too long back to its maximum: merges the entries of the user who has
    /// most, then of the next, and raises the floor only if that is not enough.
    fn shrink(&mut self) {
        while self.entries.len() > Self::MAX_ENTRIES {
            if let Some(run) = self.most_entries_of_one_user() {
                self.merge_entries(run);
                continue;
            }
            let oldest = self.entries.iter().map(|entry| entry.before).min();
            self.raise_floor(oldest.unwrap_or_default());
            // The floor now covers these entries.
            let floor = self.floor;
            self.entries.retain(|entry| entry.before > floor);
        }
    }

    /// The entries of the user who has most; `None` if no user has two.
    fn most_entries_of_one_user(&self) -> Option<Range<usize>> {
        let mut longest = 0..1;
        let (mut start, mut user) = (0, None);
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.user.is_none() || entry.user != user {
                (start, user) = (at, entry.user);
            }
            let run = start..at.saturating_add(1);
            if run.len() > longest.len() {
                longest = run;
            }
        }
        (longest.len() > 1).then_some(longest)
    }

    /// Merges all entries of one user into one, which revokes what any of them revokes, and more of
    /// that user alone.
    fn merge_entries(&mut self, run: Range<usize>) {
        let start = run.start;
        let merged = self.entries.drain(run).reduce(|merged, entry| Entry {
            before: merged.before.max(entry.before),
            ends: merged.ends.max(entry.ends),
            ..merged
        });
        if let Some((merged, user)) = merged.and_then(|merged| merged.user.map(|id| (merged, id))) {
            let target = Revoked::User(user);
            self.entries.insert(start, Entry { target, ..merged });
        }
    }
}

impl Revoked {
    /// The user, if all of their sessions are revoked.
    fn user(self) -> Option<Id> {
        match self {
            Self::Session(_) => None,
            Self::User(handle) => Some(handle),
        }
    }
}

fn number(json: &Json, name: &str) -> Option<u64> {
    match json.member(name)? {
        Json::Number(number) => number.as_u64(),
        _ => None,
    }
}
