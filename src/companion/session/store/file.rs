//! The file store, for a single replica: sessions, revocations and links are in an embedded database, and a
//! cookie holds a ticket. So a refresh at the provider changes no cookie but that of the session token, which
//! is the only one that a proxy such as NGINX forwards.
//!
//! Records are sealed, so read access to the file reveals no session. If the file can't be read or written,
//! the result is [`Unavailable`] and never a success.
//!
//! The database blocks, so all work with it is done in Tokio's blocking threads. Such work is completed even
//! if the request is cancelled, so it also updates what is in memory.

mod database;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use tokio::task::spawn_blocking;

use super::completed_attempts::CompletedAttempts;
use super::ticket::warn_of_size;
use super::{
    CLOCK_SKEW, ENDED_TTL, Lifetime, LinkedSessions, PendingRefresh, ProviderSession, RecordRef,
    SealedContent, SessionStore, StoredSession, Ticket, record_ttl,
};
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::{RevocationBatch, RevocationState, StateFileError};
use crate::session::unavailable::Unavailable;
use database::Database;
pub(super) use database::UNWRITABLE_HELP;
use tables::Record;

/// The file store.
#[derive(Debug)]
pub(super) struct FileStore {
    shared: Arc<Shared>,
    completed: Mutex<CompletedAttempts>,
}

/// What the blocking threads use.
#[derive(Debug)]
struct Shared {
    database: Database,
    /// The policy's `sso.url`. Records are bound to it.
    url: String,
    /// How long a session token is valid.
    token: Duration,
    /// The revocation list as it is in the database.
    revocations: ArcSwap<RevocationState>,
    /// Held from before a change of the list is written until it is in `revocations`.
    revoking: Mutex<()>,
    /// Refreshed sessions that could not be saved. Their former refresh tokens are spent, so without these
    /// the sessions were lost. They are saved before their sessions are used again.
    unsaved: Mutex<HashMap<Id, Unsaved>>,
}

/// A record that could not be saved.
#[derive(Clone, Debug)]
struct Unsaved {
    record: Record,
    /// The generation that it replaces.
    from: u64,
    now: Timestamp,
}

impl FileStore {
    /// Opens the database at `path`, or creates it, for the companion at this `sso.url`. A session token is
    /// valid for `token`.
    pub(super) fn open(
        path: &Path,
        url: &str,
        token: Duration,
        now: Timestamp,
    ) -> Result<Self, StateFileError> {
        let database = Database::open(path)?;
        let unavailable = |error: Unavailable| {
            let help = "check the disk and the permissions of the file";
            StateFileError::new(path, format!("can't be used: {error}"), help)
        };
        let invalid = |problem: String| {
            let help = "restore it from a backup, or move it away: then all users sign in again";
            StateFileError::new(path, format!("not a valid session store: {problem}"), help)
        };
        let documents = database.read(tables::documents).map_err(unavailable)?;
        let state = match documents {
            None => RevocationState::new(now),
            Some(documents) if !documents.is_current => {
                return Err(invalid("another release has created it".to_owned()));
            }
            Some(documents) => RevocationState::parse(&documents.revocations).map_err(invalid)?,
        };
        // An existing database is written too, so that a full disk fails at the start and not at the first
        // sign-in.
        let written = database.write(|transaction| {
            tables::create(transaction)?;
            tables::put_revocations(transaction, &state.to_json())
        });
        written.map_err(unavailable)?;
        Ok(Self {
            shared: Arc::new(Shared {
                database,
                url: url.to_owned(),
                token,
                revocations: ArcSwap::from_pointee(state),
                revoking: Mutex::default(),
                unsaved: Mutex::default(),
            }),
            completed: Mutex::default(),
        })
    }

    /// Runs work that blocks.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| Unavailable::new(format!("session store: {error}")))?
    }

    /// The record of a ticket. `None` if there is none, or if the ticket does not open it.
    async fn get(&self, ticket: &Ticket) -> Result<Option<StoredSession>, Unavailable> {
        let sid = ticket.sid;
        let record = self.run(move |shared| shared.record(sid)).await?;
        Ok(record.and_then(|record| {
            Some(StoredSession {
                session: ticket.open(&record.sealed, &self.shared.url)?,
                record: Some(RecordRef {
                    ticket: ticket.clone(),
                    generation: record.generation,
                }),
            })
        }))
    }

    fn record(
        &self,
        ticket: &Ticket,
        generation: u64,
        session: &Session,
        ttl: Duration,
    ) -> Result<Record, Unavailable> {
        Ok(Record {
            generation,
            sealed: ticket.seal_bounded(session, &self.shared.url)?,
            // It was used just now, and that does not depend on the clock of this process.
            expires: session.last_used.after(ttl),
        })
    }
}

#[async_trait]
impl SessionStore for FileStore {
    fn has_records(&self) -> bool {
        true
    }

    async fn load(&self, cookie: SealedContent) -> Result<Option<StoredSession>, Unavailable> {
        match cookie {
            SealedContent::Ticket(ticket) => self.get(&ticket).await,
            SealedContent::Session(_) => Ok(None),
        }
    }

    async fn create(
        &self,
        session: Session,
        ttl: Duration,
    ) -> Result<Option<StoredSession>, Unavailable> {
        let ticket = Ticket::new(&session);
        if !ticket.has_room_for(&session, &self.shared.url) {
            return Ok(None);
        }
        let record = self.record(&ticket, 0, &session, ttl)?;
        let (sid, now) = (session.sid, session.last_used);
        self.run(move |shared| {
            let write = |to: &_| tables::put_record(to, sid, &record, None, now);
            shared.database.write(write).map(drop)
        })
        .await?;
        let record = Some(RecordRef {
            ticket,
            generation: 0,
        });
        Ok(Some(StoredSession { session, record }))
    }

    async fn save(&self, stored: &StoredSession, ttl: Duration) -> Result<bool, Unavailable> {
        let Some(RecordRef { ticket, generation }) = &stored.record else {
            return Ok(true);
        };
        let (generation, sid) = (*generation, ticket.sid);
        let record = self.record(ticket, generation, &stored.session, ttl)?;
        let now = stored.session.last_used;
        self.run(move |shared| {
            let write = |to: &_| tables::put_record(to, sid, &record, Some(generation), now);
            shared.database.write(write)
        })
        .await
    }

    /// There is one replica, and `single_flight` ensures that it redeems a refresh token once. No lock is
    /// needed: all requests with one record have the same refresh token until the new one is saved.
    async fn refresh_exclusively(
        &self,
        stored: &StoredSession,
        refresh: PendingRefresh<'_>,
    ) -> Result<Session, RefreshFailure> {
        let Some(RecordRef { ticket, generation }) = &stored.record else {
            return refresh.redeem.await;
        };
        let unavailable = |error: Unavailable| {
            tracing::warn!(%error, "session not refreshed");
            RefreshFailure::Unavailable
        };
        // Another request may have refreshed it since it was loaded, or the user has signed out.
        let current = self.get(ticket).await.map_err(unavailable)?;
        let current = current.ok_or(RefreshFailure::Ended)?;
        let is_newer = |record: &RecordRef| record.generation != *generation;
        if current.record.as_ref().is_some_and(is_newer) {
            return Ok(current.session);
        }
        let PendingRefresh {
            redeem,
            idle,
            clock,
        } = refresh;
        let session = redeem.await?;
        if !ticket.has_room_for(&session, &self.shared.url) {
            // It could never be stored, and its refresh token is spent.
            warn_of_size();
            return Err(RefreshFailure::Ended);
        }
        let now = clock.now();
        let ttl = record_ttl(&session, idle, now);
        let next = generation.wrapping_add(1);
        let record = self
            .record(ticket, next, &session, ttl)
            .map_err(unavailable)?;
        let (sid, from) = (ticket.sid, *generation);
        let unsaved = Unsaved { record, from, now };
        let saved = self
            .run(move |shared| shared.save_refreshed(sid, unsaved))
            .await;
        match saved.map_err(unavailable)? {
            true => Ok(session),
            // The user has signed out in the meantime.
            false => Err(RefreshFailure::Ended),
        }
    }

    async fn delete(&self, sid: Id) -> Result<(), Unavailable> {
        self.run(move |shared| {
            let deleted = |from: &_| tables::delete_record(from, sid);
            shared.database.write(deleted)?;
            shared.unsaved().remove(&sid);
            Ok(())
        })
        .await
    }

    async fn revocations(&self, _: Timestamp) -> Result<Arc<RevocationState>, Unavailable> {
        // No other process changes the list. While the file can't be used, nothing is available.
        if !self.shared.database.is_open() {
            self.run(|shared| shared.database.reopen()).await?;
        }
        Ok(self.shared.revocations.load_full())
    }

    async fn revoke(&self, batch: &RevocationBatch, now: Timestamp) -> Result<bool, Unavailable> {
        let batch = batch.clone();
        self.run(move |shared| shared.revoke(&batch, now)).await
    }

    async fn finish_attempt(&self, attempt: &str, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(lock(&self.completed).finish(attempt, now))
    }

    async fn link_session(
        &self,
        of: ProviderSession,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let (key, until) = ((of.id, sid), lifetime.session_ends.after(CLOCK_SKEW));
        self.run(move |shared| {
            let found = |from: &_| tables::link(from, key, now);
            let (ended, linked) = shared.database.read(found)?;
            if linked.is_some_and(|linked| until.secs() <= linked.secs()) {
                return Ok(ended);
            }
            let write = |to: &_| tables::put_link(to, key, of.user, until, now);
            shared.database.write(write)
        })
        .await
    }

    async fn linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        self.run(move |shared| {
            let list = |from: &_| tables::linked_sessions(from, provider_session, now);
            Ok(shared.with_completeness(shared.database.read(list)?, now))
        })
        .await
    }

    async fn end_provider_session(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        let until = now.after(ENDED_TTL);
        self.run(move |shared| {
            let end = |to: &_| tables::put_ended(to, provider_session, until, now);
            Ok(shared.with_completeness(shared.database.write(end)?, now))
        })
        .await
    }
}

impl Shared {
    /// The record of a session, after saving one that could not be saved before.
    fn record(&self, sid: Id) -> Result<Option<Record>, Unavailable> {
        let unsaved = self.unsaved().get(&sid).cloned();
        if let Some(unsaved) = unsaved {
            self.save_refreshed(sid, unsaved)?;
        }
        self.database.read(|from| tables::record(from, sid))
    }

    /// Saves a refreshed session, or keeps it in memory. `false` if it was changed or deleted since it was
    /// loaded.
    fn save_refreshed(&self, sid: Id, unsaved: Unsaved) -> Result<bool, Unavailable> {
        let Unsaved { record, from, now } = &unsaved;
        let write = |to: &_| tables::put_record(to, sid, record, Some(*from), *now);
        match self.database.write(write) {
            Ok(is_saved) => {
                self.unsaved().remove(&sid);
                Ok(is_saved)
            }
            Err(error) => {
                self.unsaved().insert(sid, unsaved);
                Err(error)
            }
        }
    }

    fn revoke(&self, batch: &RevocationBatch, now: Timestamp) -> Result<bool, Unavailable> {
        let _guard = lock(&self.revoking);
        let mut next = RevocationState::clone(&self.revocations.load());
        if !next.apply(batch, now) {
            return Ok(false);
        }
        let json = next.to_json();
        self.database
            .write(|to| tables::put_revocations(to, &json))?;
        self.revocations.store(Arc::new(next));
        Ok(true)
    }

    /// A database that was just created may replace a lost one, with the links of sessions whose tokens are
    /// valid still.
    fn with_completeness(&self, listed: LinkedSessions, now: Timestamp) -> LinkedSessions {
        let created = self.revocations.load().known_since();
        LinkedSessions {
            complete: created.after(self.token + CLOCK_SKEW) <= now,
            ..listed
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, HashMap<Id, Unsaved>> {
        lock(&self.unsaved)
    }
}

/// Locks a mutex. What it protects is consistent even if a thread has panicked while it was locked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
