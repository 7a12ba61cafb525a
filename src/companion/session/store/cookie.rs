//! The cookie store: sessions are sealed in the browser's cookies. Revocations are kept in one file
//! on disk, and the rest in memory, so it suits a single replica.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::{
    CLOCK_SKEW, Lifetime, ProviderSessions, Refreshing, SealedContent, SessionStore, StoredSession,
};
use crate::session::login;
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::{RevocationBatch, RevocationState, StateFile};
use crate::session::unavailable::Unavailable;

#[cfg(test)]
mod tests;

/// How many completed sign-ins are remembered. The oldest are dropped.
const MAX_COMPLETED: usize = 1 << 16;

/// How many sessions at providers are remembered.
const MAX_SESSIONS: usize = 1 << 16;

/// Sessions in cookies, revocations in a file.
#[derive(Debug)]
pub(super) struct CookieStore {
    file: StateFile,
    local: Mutex<LocalState>,
}

/// Nothing in here must survive a restart. The provider accepts the authorization code of a
/// completed sign-in only once. And the session token of a session that was not refreshed since
/// expires within minutes; until then [`ProviderSessions::complete`] is false.
#[derive(Debug)]
struct LocalState {
    completed: HashMap<String, Timestamp>,
    completion_order: VecDeque<String>,
    /// By session at the provider: the sessions here, each until its session token expires.
    sessions: HashMap<Id, Vec<(Id, Timestamp)>>,
    session_count: usize,
    pruned_at: Timestamp,
    /// From when on no session with a valid session token is missing.
    complete_from: Timestamp,
}

impl CookieStore {
    pub(super) fn new(file: StateFile, token_ttl: Duration, now: Timestamp) -> Self {
        Self {
            file,
            local: Mutex::new(LocalState {
                completed: HashMap::new(),
                completion_order: VecDeque::new(),
                sessions: HashMap::new(),
                session_count: 0,
                pruned_at: now,
                complete_from: now.after(token_ttl + CLOCK_SKEW),
            }),
        }
    }

    fn local(&self) -> MutexGuard<'_, LocalState> {
        // No code that can panic runs while the lock is held.
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for CookieStore {
    fn keeps_records(&self) -> bool {
        false
    }

    async fn load(&self, cookie: SealedContent) -> Result<Option<StoredSession>, Unavailable> {
        Ok(match cookie {
            SealedContent::Session(session) => Some(StoredSession {
                session: *session,
                record: None,
            }),
            SealedContent::Ticket(_) => None,
        })
    }

    async fn create(&self, session: Session, _: Duration) -> Result<StoredSession, Unavailable> {
        Ok(StoredSession {
            session,
            record: None,
        })
    }

    async fn save(&self, _: &StoredSession, _: Duration) -> Result<bool, Unavailable> {
        Ok(true)
    }

    /// There is one replica, and in it one call redeems a refresh token: see `single_flight`.
    async fn refresh_exclusively(
        &self,
        _: &StoredSession,
        refresh: Refreshing<'_>,
    ) -> Result<Session, RefreshFailure> {
        refresh.redeem.await
    }

    async fn delete(&self, _: Id) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn revocations(&self, _: Timestamp) -> Result<Arc<RevocationState>, Unavailable> {
        Ok(self.file.state())
    }

    async fn revoke(&self, batch: &RevocationBatch, now: Timestamp) -> Result<bool, Unavailable> {
        self.file.revoke(batch, now).await
    }

    async fn finish_login(&self, attempt: &str, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.local().finish_login(attempt, now))
    }

    async fn record_provider_session(
        &self,
        provider_session: Id,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let mut state = self.local();
        state.record_session(provider_session, sid, lifetime.token_ends, now);
        Ok(())
    }

    async fn sessions_at_provider(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<ProviderSessions, Unavailable> {
        Ok(self.local().sessions_at_provider(provider_session, now))
    }
}

impl LocalState {
    fn finish_login(&mut self, attempt: &str, now: Timestamp) -> bool {
        while let Some(oldest) = self.completion_order.front() {
            let over = self.completed.get(oldest).is_none_or(|until| *until <= now);
            if !over && self.completed.len() < MAX_COMPLETED {
                break;
            }
            if let Some(oldest) = self.completion_order.pop_front() {
                self.completed.remove(&oldest);
            }
        }
        if self.completed.contains_key(attempt) {
            return false;
        }
        let until = now.after(login::LOGIN_TTL + login::CLOCK_SKEW);
        self.completed.insert(attempt.to_owned(), until);
        self.completion_order.push_back(attempt.to_owned());
        true
    }

    fn record_session(
        &mut self,
        provider_session: Id,
        sid: Id,
        token_ends: Timestamp,
        now: Timestamp,
    ) {
        if CLOCK_SKEW <= now.since(self.pruned_at) || MAX_SESSIONS <= self.session_count {
            self.prune(now);
        }
        if MAX_SESSIONS <= self.session_count {
            // The list is incomplete until the session token of this one has expired.
            self.complete_from = self.complete_from.max(token_ends);
            return;
        }
        let until = token_ends.after(CLOCK_SKEW);
        let sessions = self.sessions.entry(provider_session).or_default();
        match sessions.iter_mut().find(|(own, _)| *own == sid) {
            Some((_, own)) => *own = until.max(*own),
            None => {
                sessions.push((sid, until));
                self.session_count += 1;
            }
        }
    }

    fn sessions_at_provider(&self, provider_session: Id, now: Timestamp) -> ProviderSessions {
        let sessions = self.sessions.get(&provider_session).into_iter().flatten();
        ProviderSessions {
            sids: sessions.map(|(sid, _)| *sid).collect(),
            complete: self.complete_from <= now,
        }
    }

    fn prune(&mut self, now: Timestamp) {
        self.sessions.retain(|_, sessions| {
            sessions.retain(|(_, until)| now < *until);
            !sessions.is_empty()
        });
        self.session_count = self.sessions.values().map(Vec::len).sum();
        self.pruned_at = now;
    }
}
