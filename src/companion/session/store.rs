//! The session store: a trait for everything that outlives a request.
//!
//! A store implements [`SessionStore`] in a file of its own, and is registered in [`StoreSettings`]. Code
//! outside this module does not depend on which store is in use, and a store does not depend on cookies,
//! keys or providers.
//!
//! A *provider session* is the session that a user has at the provider, which logout tokens name by `sid`.
//! Sessions here are *linked* to it: they end when it ends.

mod completed_attempts;
mod cookie;
mod file;
mod probe;
mod redis;
mod settings;
mod ticket;

pub(crate) use probe::{FileProbe, StoreProbe};
pub(crate) use redis::{RedisInfo, RedisProbe};
pub(crate) use settings::RedisSettings;
#[cfg(test)]
pub(crate) use settings::RedisTopology;
use settings::StoreSettingsError;
pub(crate) use settings::{RedisOptions, StoreOptions, StoreSettings, ValueInError};
pub(super) use ticket::{RecordRef, Ticket};

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use zeroize::Zeroizing;

use super::attempt;
use super::clock::Clock;
use super::keys::Purpose;
use super::record::{RefreshFailure, Session};
use super::revocations::{RevocationBatch, RevocationState};
use super::unavailable::Unavailable;

/// The maximum difference between the clocks of replicas and filters.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// For how long the end of a provider session applies to sessions that are linked later: longer than a
/// sign-in takes.
const ENDED_TTL: Duration = attempt::ATTEMPT_TTL.saturating_add(attempt::CLOCK_SKEW);

/// The maximum number of sessions of one provider session that are listed.
const MAX_LISTED: usize = 64;

/// Stores sessions, revocations and completed sign-in attempts.
///
/// Every error is [`Unavailable`]: the response is then 503, and never a success. `async_trait` boxes
/// the futures, because an `async fn` in a trait can't be called through `dyn` otherwise.
#[async_trait]
pub(super) trait SessionStore: fmt::Debug + Send + Sync {
    /// Whether the store has records of sessions. If it has, cookies contain a [`Ticket`], otherwise the
    /// session itself.
    fn has_records(&self) -> bool;

    /// The session of a cookie. `None` if its record has expired or was deleted.
    async fn load(&self, cookie: SealedContent) -> Result<Option<StoredSession>, Unavailable>;

    /// Stores a new session. Its record expires after `ttl`, unless the session is used. `None` if the session is
    /// too large for a record.
    async fn create(
        &self,
        session: Session,
        ttl: Duration,
    ) -> Result<Option<StoredSession>, Unavailable>;

    /// Stores a loaded session again, for another `ttl`. `false` if it was changed or deleted since it was
    /// loaded; then nothing is stored.
    async fn save(&self, stored: &StoredSession, ttl: Duration) -> Result<bool, Unavailable>;

    /// Refreshes a session while no other replica does, and stores the result. If another replica has
    /// refreshed it since it was loaded, that result is returned and `refresh` is not run.
    async fn refresh_exclusively(
        &self,
        stored: &StoredSession,
        refresh: PendingRefresh<'_>,
    ) -> Result<Session, RefreshFailure>;

    /// Deletes a session's record.
    async fn delete(&self, sid: Id) -> Result<(), Unavailable>;

    /// The current revocation list. A store without a list creates one. The list records since when it is
    /// complete.
    async fn revocations(&self, now: Timestamp) -> Result<Arc<RevocationState>, Unavailable>;

    /// Adds revocations. They are durable when this returns `Ok`. `Ok(false)` if the logout token of the
    /// batch was used before; then nothing is added.
    async fn revoke(&self, batch: &RevocationBatch, now: Timestamp) -> Result<bool, Unavailable>;

    /// Records that a sign-in attempt is completed. `false` if it was completed before.
    async fn finish_attempt(&self, attempt: &str, now: Timestamp) -> Result<bool, Unavailable>;

    /// Links a session to its provider session. If the provider session has ended recently, returns when:
    /// a session that began before then must not get a token.
    async fn link_session(
        &self,
        of: ProviderSession,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable>;

    /// The sessions that are linked to a provider session.
    async fn linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable>;

    /// Records that a provider session has ended, for sessions that are linked later, and returns those that
    /// are linked already.
    async fn end_provider_session(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable>;
}

/// The content of the sealed session cookie.
#[derive(Clone, Debug)]
pub(super) enum SealedContent {
    /// The session itself.
    Session(Box<Session>),
    /// The reference to a record in the store.
    Ticket(Ticket),
}

/// A session as it was loaded.
#[derive(Clone, Debug)]
pub(super) struct StoredSession {
    pub(super) session: Session,
    /// The record in the store; `None` if the session is stored in its cookie.
    pub(super) record: Option<RecordRef>,
}

/// A refresh that the store runs at most once.
pub(super) struct PendingRefresh<'a> {
    /// Redeems the refresh token.
    pub(super) redeem: Pin<Box<dyn Future<Output = Result<Session, RefreshFailure>> + Send + 'a>>,
    /// The idle timeout of sessions.
    pub(super) idle: Duration,
    pub(super) clock: Clock,
}

/// When a session expires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// If it is not used again. Its session token expires no later.
    pub(super) unused_ends: Timestamp,
    /// If it is used.
    pub(super) session_ends: Timestamp,
}

/// A provider session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ProviderSession {
    /// Our id for it.
    pub(super) id: Id,
    /// The handle of its user.
    pub(super) user: Id,
}

/// The sessions that are linked to one provider session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct LinkedSessions {
    /// At most [`MAX_LISTED`] of them.
    pub(super) sessions: Vec<LinkedSession>,
    /// Whether there are more.
    pub(super) has_more: bool,
    /// Whether all active sessions are known.
    pub(super) complete: bool,
}

/// A session that is linked to a provider session.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct LinkedSession {
    pub(super) sid: Id,
    /// The handle of its user. `None` if an older release has linked the session.
    pub(super) user: Option<Id>,
}

// === impl SealedContent ===

impl SealedContent {
    /// The purpose for which the cookies of a store are sealed.
    pub(super) fn purpose(has_records: bool) -> Purpose {
        if has_records {
            Purpose::Ticket
        } else {
            Purpose::Session
        }
    }

    /// Parses the opened content of a cookie.
    pub(super) fn from_bytes(has_records: bool, bytes: &[u8]) -> Option<Self> {
        if has_records {
            Ticket::from_bytes(bytes).map(Self::Ticket)
        } else {
            let session = Session::from_bytes(bytes)?;
            Some(Self::Session(Box::new(session)))
        }
    }

    /// The session's id.
    pub(super) fn sid(&self) -> Id {
        match self {
            Self::Session(session) => session.sid,
            Self::Ticket(ticket) => ticket.sid,
        }
    }

    /// The order of several cookies of one session. The last one is used.
    pub(super) fn order(&self) -> Timestamp {
        match self {
            Self::Session(session) => session.last_used,
            Self::Ticket(ticket) => ticket.ends,
        }
    }
}

// === impl StoredSession ===

impl StoredSession {
    /// Whether the session is stored in its cookie.
    pub(super) const fn is_in_cookie(&self) -> bool {
        self.record.is_none()
    }

    /// The content of the cookie, before it is sealed.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match &self.record {
            Some(record) => record.ticket.to_bytes(),
            None => self.session.to_bytes(),
        }
    }
}

/// When a record expires, unless its session is used.
pub(super) fn record_ttl(session: &Session, idle: Duration, now: Timestamp) -> Duration {
    /// The record expires a little later than the session, so that the reason is the idle timeout.
    const GRACE: Duration = Duration::from_secs(30);
    session.ends.since(now).min(idle + GRACE)
}
