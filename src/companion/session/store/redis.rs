//! The Redis store, for Redis and Valkey: several replicas share sessions, revocations and locks.
//!
//! If Redis fails, the result is [`Unavailable`](crate::session::unavailable::Unavailable) and never a
//! success. Records are sealed, so read access to Redis reveals no session, and write access can't forge
//! one.

mod client;
mod key_names;
mod probe;
mod provider_sessions;
mod records;
mod refresh;
mod revocations;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use probe::{RedisInfo, RedisProbe};
#[cfg(test)]
pub(crate) use settings::RedisTopology;
pub(crate) use settings::{RedisOptions, RedisSettings};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::{
    CLOCK_SKEW, Lifetime, LinkedSessions, PendingRefresh, ProviderSession, RecordRef,
    SealedContent, SessionStore, StoredSession, Ticket,
};
use crate::session::attempt;
use crate::session::record::{RefreshFailure, Session};
use crate::session::revocations::{RevocationBatch, RevocationState};
use crate::session::unavailable::Unavailable;
use client::Client;
use key_names::KeyNames;
use revocations::RevocationCache;

/// The Redis store. All replicas of a companion share its keys in Redis.
#[derive(Debug)]
pub(super) struct RedisStore {
    client: Client,
    names: KeyNames,
    /// The policy's `sso.url`. Records are bound to it.
    url: String,
    revocation_cache: RevocationCache,
}

impl RedisStore {
    /// The store of the companion at this `sso.url`. It connects at the first command.
    pub(super) fn new(settings: RedisSettings, url: &str) -> Self {
        Self {
            client: Client::new(settings),
            names: KeyNames::new(url),
            url: url.to_owned(),
            revocation_cache: RevocationCache::default(),
        }
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    fn has_records(&self) -> bool {
        true
    }

    async fn load(&self, cookie: SealedContent) -> Result<Option<StoredSession>, Unavailable> {
        let SealedContent::Ticket(ticket) = cookie else {
            return Ok(None);
        };
        let record = self.get_record(&ticket).await?;
        Ok(record.map(|record| StoredSession {
            session: record.session,
            record: Some(RecordRef {
                ticket,
                generation: record.generation,
            }),
        }))
    }

    async fn create(
        &self,
        session: Session,
        ttl: Duration,
    ) -> Result<Option<StoredSession>, Unavailable> {
        let ticket = Ticket::new(&session);
        if !ticket.has_room_for(&session, &self.url) {
            return Ok(None);
        }
        self.create_record(&ticket, &session, ttl).await?;
        Ok(Some(StoredSession {
            session,
            record: Some(RecordRef {
                ticket,
                generation: 0,
            }),
        }))
    }

    async fn save(&self, stored: &StoredSession, ttl: Duration) -> Result<bool, Unavailable> {
        let Some(RecordRef { ticket, generation }) = &stored.record else {
            return Ok(true);
        };
        let generations = (*generation, *generation);
        self.replace_record(ticket, generations, &stored.session, ttl)
            .await
    }

    async fn refresh_exclusively(
        &self,
        stored: &StoredSession,
        refresh: PendingRefresh<'_>,
    ) -> Result<Session, RefreshFailure> {
        match &stored.record {
            Some(record) => self.refresh_record(record, refresh).await,
            None => refresh.redeem.await,
        }
    }

    async fn delete(&self, sid: Id) -> Result<(), Unavailable> {
        self.delete_record(sid).await
    }

    async fn revocations(&self, now: Timestamp) -> Result<Arc<RevocationState>, Unavailable> {
        self.read_revocations(now).await
    }

    async fn revoke(&self, batch: &RevocationBatch, now: Timestamp) -> Result<bool, Unavailable> {
        self.add_revocations(batch, now).await
    }

    async fn finish_attempt(&self, attempt: &str, _: Timestamp) -> Result<bool, Unavailable> {
        self.set_attempt_finished(attempt, attempt::ATTEMPT_TTL + attempt::CLOCK_SKEW)
            .await
    }

    async fn link_session(
        &self,
        of: ProviderSession,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let until = lifetime.session_ends.after(CLOCK_SKEW);
        self.add_linked_session(of, sid, until, now).await
    }

    async fn linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        self.list_linked_sessions(provider_session, now).await
    }

    async fn end_provider_session(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        self.set_provider_session_ended(provider_session, now).await
    }
}

/// A script with one key. Redis runs it atomically.
fn script(code: &str, key: &str) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(code).arg(1).arg(key);
    command
}

/// A time to active, in milliseconds. Redis refuses 0.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}
