//! The cookie store, for a single replica: sessions are sealed in the browser's cookies. Revocations are in
//! the state file, the links to provider sessions in a journal beside it, and the rest is in memory.

mod provider_sessions;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::completed_attempts::CompletedAttempts;
use super::{
    Lifetime, LinkedSessions, PendingRefresh, ProviderSession, SealedContent, SessionStore,
    StoredSession,
};
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::{
    Revocation, RevocationBatch, RevocationState, StateFile, StateFileError,
};
use crate::session::unavailable::Unavailable;
use provider_sessions::ProviderSessionIndex;

/// Sessions in cookies, revocations in a file.
#[derive(Debug)]
pub(super) struct CookieStore {
    file: StateFile,
    /// The path of the journal.
    journal: PathBuf,
    local: Mutex<LocalState>,
}

/// The state in memory.
#[derive(Debug)]
struct LocalState {
    completed: CompletedAttempts,
    sessions: ProviderSessionIndex,
}

impl CookieStore {
    /// Opens the state file, and the journal beside it. A session token is valid for `token`, and an
    /// unused session for `idle`.
    pub(super) fn open(
        state_file: &Path,
        (token, idle): (Duration, Duration),
        now: Timestamp,
    ) -> Result<Self, StateFileError> {
        let file = StateFile::open(state_file, now)?;
        let is_new = file.state().known_since() == Timestamp::from_secs(now.secs());
        let mut journal = state_file.as_os_str().to_owned();
        journal.push(".sessions");
        let journal = PathBuf::from(journal);
        let sessions = ProviderSessionIndex::open(&journal, is_new, (token, idle), now)
            .map_err(|error| StateFileError::unwritable(&journal, &error))?;
        Ok(Self {
            file,
            journal,
            local: Mutex::new(LocalState {
                completed: CompletedAttempts::default(),
                sessions,
            }),
        })
    }

    fn local(&self) -> MutexGuard<'_, LocalState> {
        // No code that can panic runs while the lock is held.
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for CookieStore {
    fn has_records(&self) -> bool {
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

    async fn create(
        &self,
        session: Session,
        _: Duration,
    ) -> Result<Option<StoredSession>, Unavailable> {
        Ok(Some(StoredSession {
            session,
            record: None,
        }))
    }

    async fn save(&self, _: &StoredSession, _: Duration) -> Result<bool, Unavailable> {
        Ok(true)
    }

    /// There is one replica, and `single_flight` ensures that it redeems a refresh token once.
    async fn refresh_exclusively(
        &self,
        _: &StoredSession,
        refresh: PendingRefresh<'_>,
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

    async fn finish_attempt(&self, attempt: &str, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.local().completed.finish(attempt, now))
    }

    async fn link_session(
        &self,
        of: ProviderSession,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let linked = self.local().sessions.link(of, sid, lifetime, now);
        let linked = linked.map_err(|error| {
            let path = self.journal.display();
            Unavailable::new(format!("{path}: can't be written: {error}"))
        })?;
        if linked.became_incomplete {
            tracing::warn!(
                "the index of provider sessions is full; until these sessions have expired, a back-channel \
                 logout that names such a session ends all sessions of its user; help: shorten \
                 `session.idle`, or use Redis as `session.store`"
            );
        }
        if let Some((user, ends)) = linked.evicted {
            let batch = RevocationBatch {
                revocations: vec![Revocation::user(user, ends)],
                ..RevocationBatch::default()
            };
            self.file.revoke(&batch, now).await?;
            tracing::warn!(handle = %user, "too many sessions of one user; all of them are revoked");
        }
        Ok(linked.ended)
    }

    async fn linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        Ok(self.local().sessions.list(provider_session, now))
    }

    async fn end_provider_session(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        let mut local = self.local();
        local.sessions.end(provider_session, now);
        Ok(local.sessions.list(provider_session, now))
    }
}
