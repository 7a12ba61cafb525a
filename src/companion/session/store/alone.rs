//! What a companion that is the only one keeps in memory, beside the file of ended sessions.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::{AtProvider, SKEW};
use crate::session::ended::StateFile;
use crate::session::login;

#[cfg(test)]
mod tests;

/// How many finished sign-ins are remembered, and how many sessions at providers. The oldest go.
const MAX_FINISHED: usize = 1 << 16;
const MAX_SESSIONS: usize = 1 << 16;

/// What a companion that is the only one knows.
#[derive(Debug)]
pub(in crate::session) struct Alone {
    pub(super) file: StateFile,
    memory: Mutex<Memory>,
}

/// Nothing in it has to survive a restart. A sign-in that was finished before has a code that the
/// provider takes once. And of a session that nobody has refreshed since, the session token ends
/// within minutes; until then [`AtProvider::all`] says that some may be missing.
#[derive(Debug)]
struct Memory {
    finished: HashMap<String, Timestamp>,
    finished_in_order: VecDeque<String>,
    /// By our name for a provider's session: ours, each until its session token has ended.
    sessions: HashMap<Id, Vec<(Id, Timestamp)>>,
    count: usize,
    swept: Timestamp,
    /// From when on no session with a good session token is missing.
    all_from: Timestamp,
}

impl Alone {
    pub(super) fn new(file: StateFile, token: Duration, now: Timestamp) -> Self {
        Self {
            file,
            memory: Mutex::new(Memory {
                finished: HashMap::new(),
                finished_in_order: VecDeque::new(),
                sessions: HashMap::new(),
                count: 0,
                swept: now,
                all_from: now.after(token + SKEW),
            }),
        }
    }

    /// Notes that a sign-in comes to its end. `false`: it had before.
    pub(super) fn finish_login(&self, attempt: &str, now: Timestamp) -> bool {
        let mut memory = self.memory();
        let memory = &mut *memory;
        while let Some(oldest) = memory.finished_in_order.front() {
            let over = memory
                .finished
                .get(oldest)
                .is_none_or(|until| *until <= now);
            if !over && memory.finished.len() < MAX_FINISHED {
                break;
            }
            if let Some(oldest) = memory.finished_in_order.pop_front() {
                memory.finished.remove(&oldest);
            }
        }
        let until = now.after(login::LIVES + login::SKEW);
        if memory.finished.contains_key(attempt) {
            return false;
        }
        memory.finished.insert(attempt.to_owned(), until);
        memory.finished_in_order.push_back(attempt.to_owned());
        true
    }

    /// Notes that a session of ours belongs to one of a provider's, until its session token ends.
    pub(super) fn note_at_provider(
        &self,
        at_provider: Id,
        sid: Id,
        token_ends: Timestamp,
        now: Timestamp,
    ) {
        let mut memory = self.memory();
        if SKEW <= now.since(memory.swept) || MAX_SESSIONS <= memory.count {
            memory.sweep(now);
        }
        if MAX_SESSIONS <= memory.count {
            // Whoever asks is told that some are missing, until the token of this one has ended.
            memory.all_from = memory.all_from.max(token_ends);
            return;
        }
        let until = token_ends.after(SKEW);
        let sessions = memory.sessions.entry(at_provider).or_default();
        match sessions.iter_mut().find(|(known, _)| *known == sid) {
            Some((_, known)) => *known = until.max(*known),
            None => {
                sessions.push((sid, until));
                memory.count += 1;
            }
        }
    }

    /// Our sessions that belong to this one of a provider's.
    pub(super) fn at_provider(&self, at_provider: Id, now: Timestamp) -> AtProvider {
        let memory = self.memory();
        let sessions = memory.sessions.get(&at_provider).into_iter().flatten();
        AtProvider {
            sids: sessions.map(|(sid, _)| *sid).collect(),
            all: memory.all_from <= now,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing that panics is ever done while it is held.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn sweep(&mut self, now: Timestamp) {
        self.sessions.retain(|_, sessions| {
            sessions.retain(|(_, until)| now < *until);
            !sessions.is_empty()
        });
        self.count = self.sessions.values().map(Vec::len).sum();
        self.swept = now;
    }
}
