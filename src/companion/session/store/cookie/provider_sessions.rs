//! Which sessions are linked to which provider session, and to which user.
//!
//! A link is kept until its session expires, because a logout token may name the provider session only. A
//! journal beside the state file preserves the links over a restart.

mod journal;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::super::{
    CLOCK_SKEW, ENDED_TTL, Lifetime, LinkedSession, LinkedSessions, MAX_LISTED, ProviderSession,
};
use journal::{Journal, Line};

#[cfg(test)]
mod tests;

/// The maximum number of sessions in the index.
const MAX_SESSIONS: usize = 1 << 16;

/// The maximum number of ended provider sessions in the index. The oldest are dropped: they are only needed
/// for sign-ins that were in progress when they ended.
const MAX_ENDED: usize = 1 << 16;

/// If the index is full, the sessions of a user who has more than this many are evicted and revoked.
const MAX_PER_USER_WHEN_FULL: usize = 64;

/// The sessions, by their provider session.
#[derive(Debug)]
pub(super) struct ProviderSessionIndex {
    journal: Journal,
    sessions: HashMap<Id, BTreeMap<Id, KnownSession>>,
    /// How many sessions each user has.
    users: HashMap<Id, usize>,
    count: usize,
    pruned_at: Timestamp,
    /// From when on all sessions are in the index.
    complete_from: Timestamp,
    /// When provider sessions have ended.
    ended: HashMap<Id, Timestamp>,
    /// The same in order, each with its expiry.
    ended_order: VecDeque<(Timestamp, Id)>,
}

/// A session in the index.
#[derive(Clone, Copy, Debug)]
struct KnownSession {
    user: Id,
    /// When it expires if it is not used again.
    until: Timestamp,
    /// When it expires at the latest.
    ends: Timestamp,
}

/// The result of adding a session to the index.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Linked {
    /// When its provider session has ended, if it has.
    pub(super) ended: Option<Timestamp>,
    /// The handle of the user whose sessions were evicted because the index was full, and when the last of
    /// them expires. They must be revoked, because a logout token no longer finds them.
    pub(super) evicted: Option<(Id, Timestamp)>,
    /// Whether the index was complete, and is not any more: it is full of sessions of different users.
    pub(super) became_incomplete: bool,
}

impl ProviderSessionIndex {
    /// Reads the journal at `path`, or creates one. If the journal is incomplete, earlier sessions may be
    /// missing until they have expired: their session tokens after `token`, and the sessions after `idle`,
    /// unless the state file is new too.
    pub(super) fn open(
        path: &Path,
        is_new: bool,
        (token, idle): (Duration, Duration),
        now: Timestamp,
    ) -> io::Result<Self> {
        let (lines, is_complete) = journal::read(path)?;
        let complete_from = match (is_complete, is_new) {
            (true, _) => now,
            (false, true) => now.after(token + CLOCK_SKEW),
            (false, false) => now.after(token.max(idle) + CLOCK_SKEW),
        };
        let mut index = Self {
            journal: Journal::default(),
            sessions: HashMap::new(),
            users: HashMap::new(),
            count: 0,
            pruned_at: now,
            complete_from,
            ended: HashMap::new(),
            ended_order: VecDeque::new(),
        };
        // The newest first: the journal may contain more lines than the index holds, because those of unused
        // sessions stay until it is replaced.
        for line in lines.into_iter().rev() {
            let until = line.ends.min(now.after(token.max(idle))).after(CLOCK_SKEW);
            if now < until && index.count < MAX_SESSIONS {
                index.insert(line, until);
            } else if now < until {
                index.complete_from = index.complete_from.max(until);
            }
        }
        index.journal = Journal::create(path, index.lines())?;
        Ok(index)
    }

    /// Adds a session.
    pub(super) fn link(
        &mut self,
        of: ProviderSession,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> io::Result<Linked> {
        if CLOCK_SKEW <= now.since(self.pruned_at) || MAX_SESSIONS <= self.count {
            self.prune(now);
        }
        let mut linked = Linked {
            ended: self.ended.get(&of.id).copied(),
            evicted: None,
            became_incomplete: false,
        };
        let until = lifetime.unused_ends.after(CLOCK_SKEW);
        let known = self.sessions.get_mut(&of.id);
        if let Some(known) = known.and_then(|sessions| sessions.get_mut(&sid)) {
            known.until = until.max(known.until);
            return Ok(linked);
        }
        if MAX_SESSIONS <= self.count {
            linked.evicted = self.evict_user();
        }
        if MAX_SESSIONS <= self.count {
            // Too many different users: the index is incomplete until this session has expired.
            linked.became_incomplete = self.complete_from <= now;
            self.complete_from = self.complete_from.max(lifetime.unused_ends);
            return Ok(linked);
        }
        let line = Line {
            provider_session: of.id,
            sid,
            user: of.user,
            ends: lifetime.session_ends,
        };
        if self.journal.is_due(self.count) {
            let lines: Vec<Line> = self.lines().collect();
            self.journal.replace(lines.into_iter())?;
        }
        self.journal.append(line)?;
        self.insert(line, until);
        Ok(linked)
    }

    /// The sessions that are linked to a provider session.
    pub(super) fn list(&self, provider_session: Id, now: Timestamp) -> LinkedSessions {
        let sessions = self.sessions.get(&provider_session).into_iter().flatten();
        let active = sessions.filter(|(_, known)| now < known.until);
        let listed = active
            .take(MAX_LISTED + 1)
            .map(|(sid, known)| LinkedSession {
                sid: *sid,
                user: Some(known.user),
            });
        let mut sessions: Vec<LinkedSession> = listed.collect();
        let has_more = MAX_LISTED < sessions.len();
        sessions.truncate(MAX_LISTED);
        LinkedSessions {
            sessions,
            has_more,
            complete: self.complete_from <= now,
        }
    }

    /// Records that a provider session has ended, for sessions that are linked later.
    pub(super) fn end(&mut self, provider_session: Id, now: Timestamp) {
        let until = now.after(ENDED_TTL).max(self.complete_from);
        while let Some((end, id)) = self.ended_order.front().copied()
            && (end <= now || MAX_ENDED <= self.ended_order.len())
        {
            self.ended_order.pop_front();
            // Unless its end was recorded again since.
            if self
                .ended
                .get(&id)
                .is_some_and(|at| at.after(ENDED_TTL) <= end)
            {
                self.ended.remove(&id);
            }
        }
        self.ended.insert(provider_session, now);
        self.ended_order.push_back((until, provider_session));
    }

    fn insert(&mut self, line: Line, until: Timestamp) {
        let known = KnownSession {
            user: line.user,
            until,
            ends: line.ends,
        };
        let sessions = self.sessions.entry(line.provider_session).or_default();
        if sessions.insert(line.sid, known).is_none() {
            self.count += 1;
            *self.users.entry(line.user).or_default() += 1;
        }
    }

    /// Removes the sessions of the user who has most, if they are many. So a user who signs in again and
    /// again does not evict the sessions of others.
    fn evict_user(&mut self) -> Option<(Id, Timestamp)> {
        let most = self.users.iter().max_by_key(|(_, count)| **count);
        let user = most
            .filter(|(_, count)| MAX_PER_USER_WHEN_FULL < **count)
            .map(|(id, _)| *id)?;
        let mut ends = Timestamp::default();
        self.retain(|known| {
            if known.user == user {
                ends = ends.max(known.ends);
            }
            known.user != user
        });
        Some((user, ends))
    }

    fn prune(&mut self, now: Timestamp) {
        self.retain(|known| now < known.until);
        self.pruned_at = now;
    }

    fn retain(&mut self, mut keep: impl FnMut(&KnownSession) -> bool) {
        self.users.clear();
        self.count = 0;
        self.sessions.retain(|_, sessions| {
            sessions.retain(|_, known| keep(known));
            self.count += sessions.len();
            for known in sessions.values() {
                *self.users.entry(known.user).or_default() += 1;
            }
            !sessions.is_empty()
        });
    }

    fn lines(&self) -> impl Iterator<Item = Line> {
        self.sessions.iter().flat_map(|(id, sessions)| {
            sessions.iter().map(|(sid, known)| Line {
                provider_session: *id,
                sid: *sid,
                user: known.user,
                ends: known.ends,
            })
        })
    }
}
