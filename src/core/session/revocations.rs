//! The revoked sessions.

use std::time::Duration;

use crate::json::Json;
use crate::keys::{HttpResponse, ResponseError, expect_version, object};
use crate::timestamp::Timestamp;

use super::{Id, SessionHandles};

mod full;

#[cfg(test)]
mod tests;

/// The maximum difference between the clocks of the companion and a filter.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// The version of the text form.
const VERSION: u64 = 1;

/// The list of sessions that were revoked before their tokens expire. The companion keeps it, and
/// filters merge what they fetch: no entry is dropped before its end, and a full list revokes more
/// sessions, never fewer.
///
/// In a full list, entries are merged where that revokes fewest sessions of others:
///
/// 1. those of a user who has very many, into one for all sessions of that user;
/// 2. of the provider that has the most: those of its user who has the most, likewise;
/// 3. if none of its users has two, its oldest, into one for all sessions of that provider that
///    began by then.
///
/// If no provider has two entries, the oldest entry is removed and the *floor* rises to its time: all
/// sessions of all users that began at the floor or earlier are revoked.
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
    /// All sessions of the provider with this id: see [`Id::provider`].
    Provider(Id),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    target: Revoked,
    /// The `handle` of the user whose session it is, or the id of the provider if it revokes all of
    /// its sessions; `None` if the user is unknown. So the entries of a user are next to each other,
    /// and those of a provider too.
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
    /// The maximum number of entries. If one more is added, entries are merged as described at
    /// [`Revocations`].
    pub const MAX_ENTRIES: usize = 4096;

    /// The longest text form, in bytes.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// Reads the companion's response.
    pub fn from_response(response: &HttpResponse<'_>) -> Result<Self, ResponseError> {
        let list = object(response)?;
        expect_version(&list, VERSION)?;
        Self::read(&list).ok_or(ResponseError::Malformed)
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
        if number(json, "version")? != VERSION {
            return None;
        }
        let time = |json, name| number(json, name).map(Timestamp::from_secs);
        let floor = time(json, "floor")?;
        let mut entries = Vec::new();
        for entry in json.member("entries")?.as_array()? {
            let text = |name| entry.member(name).map(Json::as_str);
            let (target, user) = match (text("sid"), text("handle"), text("provider")) {
                (Some(sid), None, None) => {
                    let (sid, user) = match sid?.split_once('.') {
                        Some((sid, user)) => (sid, Some(Id::parse(user)?)),
                        None => (sid?, None),
                    };
                    (Revoked::Session(Id::parse(sid)?), user)
                }
                (None, Some(handle), None) => {
                    let handle = Id::parse(handle?)?;
                    (Revoked::User(handle), Some(handle))
                }
                (None, None, Some(provider)) => {
                    let provider = Id::parse(provider?)?.provider();
                    (Revoked::Provider(provider), Some(provider))
                }
                _ => return None,
            };
            entries.push(Entry {
                target,
                user,
                before: time(entry, "before")?,
                ends: time(entry, "ends")?,
            });
        }
        let mut list = Self {
            floor,
            entries: sorted(&entries),
        };
        list.shrink();
        Some(list)
    }

    /// The text form: `{"version":1,"floor":S,"entries":[{"sid":…,"before":S,"ends":S},…]}`, times in
    /// seconds since the epoch. A `sid` is followed by a dot and the handle of its user, if that is
    /// known. An entry for all sessions of a user has a `handle` instead, and one for all sessions
    /// of a provider has a `provider`.
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
                (Revoked::Provider(id), _) => format!(r#"{{"provider":"{id}",{times}}}"#),
            }
        });
        let entries: Vec<String> = entries.collect();
        format!(
            r#"{{"version":{VERSION},"floor":{},"entries":[{}]}}"#,
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
        let entry = Entry {
            target,
            user,
            before,
            ends,
        };
        self.entries = union(&self.entries, &[entry]);
        self.shrink();
    }

    /// Adds all entries of another list. Of a floor that is far in the future, which a companion has set whose clock is
    /// wrong, a minute counts: nothing ends a floor, and all sessions would end until then.
    pub fn merge(&mut self, other: &Self, now: Timestamp) {
        self.prune(now);
        self.raise_floor(other.floor.min(now.after(MAX_AHEAD)));
        let mut other = other.clone();
        other.prune(now);
        self.entries = union(&self.entries, &other.entries);
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
        let provider = handles.handle.provider();
        handles.began <= self.floor
            || self.revokes_by_sid(handles, now)
            || [Revoked::User(handles.handle), Revoked::Provider(provider)]
                .iter()
                .any(|target| self.has(target.user(), *target, handles.began, now))
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

    /// The time up to which all sessions of the user with this `handle` that began then are revoked,
    /// if there is an entry for that user.
    pub fn revoked_until(&self, handle: Id) -> Option<Timestamp> {
        let place = self.place(Some(handle), Revoked::User(handle)).ok()?;
        self.entries.get(place).map(|entry| entry.before)
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no session is revoked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.floor == Timestamp::default()
    }

    /// All sessions of all providers that began then or earlier are revoked.
    pub const fn floor(&self) -> Timestamp {
        self.floor
    }

    /// The highest floor: all sessions of at least one provider that began then or earlier are
    /// revoked.
    pub fn highest_floor(&self) -> Timestamp {
        let of_providers = self.entries.iter().filter(|entry| entry.is_of_provider());
        let floors = of_providers.map(|entry| entry.before);
        floors.max().unwrap_or_default().max(self.floor)
    }
}

impl Entry {
    const fn key(&self) -> (Option<Id>, Revoked) {
        (self.user, self.target)
    }
}

/// All entries of two sorted lists, sorted. Of two entries for the same target, the later `before` and the
/// later `ends` apply.
fn union(first: &[Entry], second: &[Entry]) -> Vec<Entry> {
    let mut united = Vec::with_capacity(first.len().saturating_add(second.len()));
    let mut second = second.iter().peekable();
    for entry in first {
        while let Some(earlier) = second.next_if(|other| other.key() < entry.key()) {
            united.push(*earlier);
        }
        let mut entry = *entry;
        if let Some(same) = second.next_if(|other| other.key() == entry.key()) {
            entry.before = entry.before.max(same.before);
            entry.ends = entry.ends.max(same.ends);
        }
        united.push(entry);
    }
    united.extend(second);
    united
}

/// The same for entries in any order: a list that another program wrote may have any, and must cost little.
fn sorted(entries: &[Entry]) -> Vec<Entry> {
    let is_sorted = |pair: &[Entry]| matches!(pair, [one, next] if one.key() < next.key());
    if entries.windows(2).all(is_sorted) {
        return entries.to_vec();
    }
    let (first, second) = entries.split_at(entries.len() / 2);
    union(&sorted(first), &sorted(second))
}

impl Revoked {
    /// The user or provider, if all of its sessions are revoked.
    fn user(self) -> Option<Id> {
        match self {
            Self::Session(_) => None,
            Self::User(handle) => Some(handle),
            Self::Provider(provider) => Some(provider),
        }
    }
}

fn number(json: &Json, name: &str) -> Option<u64> {
    match json.member(name)? {
        Json::Number(number) => number.as_u64(),
        _ => None,
    }
}
