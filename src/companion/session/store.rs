//! The session store: whatever outlives a request, behind one trait.
//!
//! A new store is one file under `store/` with an implementation of [`SessionStore`], and its
//! registration in [`StoreSettings`]. Nothing outside this module depends on which store is in use, nor
//! may a store know of cookies, keys or providers.

mod cookie;
mod redis;
mod settings;
mod ticket;

use settings::StoreSettingsError;
pub(crate) use settings::{RedisOptions, StoreOptions, StoreSettings, ValueInError};
#[cfg(test)]
pub(crate) use settings::{RedisSettings, RedisTopology};
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

/// How far the clocks of replicas and filters may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// For how long the end of a session at the provider counts for sessions that are recorded later:
/// longer than a sign-in takes.
const ENDED_TTL: Duration = attempt::ATTEMPT_TTL.saturating_add(attempt::CLOCK_SKEW);

/// How many sessions of one session at the provider are listed.
const MAX_LISTED: usize = 64;

/// Where sessions are kept, and what must be remembered of sessions and sign-ins.
///
/// Every error is [`Unavailable`]: callers answer 503 then, and never "yes". `async_trait` boxes
/// the futures, because an `async fn` in a trait can't be called through `dyn` otherwise.
#[async_trait]
pub(super) trait SessionStore: fmt::Debug + Send + Sync {
    /// Whether the store keeps records of sessions. If so, cookies hold a [`Ticket`]; if not, they
    /// hold the session itself.
    fn keeps_records(&self) -> bool;

    /// The session of a cookie; `None` if it has ended or was deleted.
    async fn load(&self, cookie: SealedContent) -> Result<Option<StoredSession>, Unavailable>;

    /// Keeps a session that begins now, for `ttl` unless it is used.
    async fn create(&self, session: Session, ttl: Duration) -> Result<StoredSession, Unavailable>;

    /// Writes a loaded session back, for another `ttl`. `false`: it was changed or deleted since it
    /// was loaded, and nothing is written.
    async fn save(&self, stored: &StoredSession, ttl: Duration) -> Result<bool, Unavailable>;

    /// Refreshes a session while no other replica does, and keeps the result. Where another replica
    /// has refreshed it since it was loaded, that result is returned and `refresh` is dropped.
    async fn refresh_exclusively(
        &self,
        stored: &StoredSession,
        refresh: Refreshing<'_>,
    ) -> Result<Session, RefreshFailure>;

    /// Deletes a session's record.
    async fn delete(&self, sid: Id) -> Result<(), Unavailable>;

    /// The revocation list as of now. A store that has none begins one, and the list says since
    /// when it is complete.
    async fn revocations(&self, now: Timestamp) -> Result<Arc<RevocationState>, Unavailable>;

    /// Adds revocations. They are durable when this returns `Ok`. `false`: the logout token of the
    /// batch was used before, and nothing is added.
    async fn revoke(&self, batch: &RevocationBatch, now: Timestamp) -> Result<bool, Unavailable>;

    /// Notes that a sign-in attempt is completed. `false`: it was completed before.
    async fn finish_attempt(&self, attempt: &str, now: Timestamp) -> Result<bool, Unavailable>;

    /// Notes that a session belongs to a session at the provider. The result says when that has
    /// ended, if it has lately: then a session that began before must not get a token.
    async fn record_provider_session(
        &self,
        of: ProviderSession,
        sid: Id,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable>;

    /// The sessions that belong to a session at the provider.
    async fn linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable>;

    /// Notes that a session at the provider has ended, for sessions that are recorded after this,
    /// and lists those that were recorded before.
    async fn end_provider_session(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable>;
}

/// What the session cookie holds under its seal.
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
    /// The record in the store; `None` where the session is kept in its cookie.
    pub(super) record: Option<RecordRef>,
}

/// A refresh that the store may run, once.
pub(super) struct Refreshing<'a> {
    /// Redeems the refresh token.
    pub(super) redeem: Pin<Box<dyn Future<Output = Result<Session, RefreshFailure>> + Send + 'a>>,
    /// How long an unused record is kept.
    pub(super) idle: Duration,
    pub(super) clock: Clock,
}

/// Until when a session lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// Unless it is used. Its session token does not outlast this.
    pub(super) unused_ends: Timestamp,
    /// At the latest.
    pub(super) session_ends: Timestamp,
}

/// A session at the provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ProviderSession {
    /// Our id for it.
    pub(super) id: Id,
    /// The handle of the person whose session it is.
    pub(super) person: Id,
}

/// The sessions here that belong to one session at the provider.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct LinkedSessions {
    /// The sessions, of which there may be more than are listed.
    pub(super) sessions: Vec<LinkedSession>,
    pub(super) has_more: bool,
    /// Whether no active session is missing.
    pub(super) complete: bool,
}

/// A session here that belongs to a session at the provider.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct LinkedSession {
    pub(super) sid: Id,
    /// The handle of the person. `None` where an older release has recorded the session.
    pub(super) person: Option<Id>,
}

// === impl SealedContent ===

impl SealedContent {
    /// What the cookies of a store are sealed for.
    pub(super) fn purpose(keeps_records: bool) -> Purpose {
        if keeps_records {
            Purpose::Ticket
        } else {
            Purpose::Session
        }
    }

    /// Reads what was sealed for this purpose.
    pub(super) fn from_bytes(keeps_records: bool, bytes: &[u8]) -> Option<Self> {
        if keeps_records {
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

    /// Orders several cookies of one session: the latest is the one that counts.
    pub(super) fn order(&self) -> Timestamp {
        match self {
            Self::Session(session) => session.last_used,
            Self::Ticket(ticket) => ticket.ends,
        }
    }
}

// === impl StoredSession ===

impl StoredSession {
    /// Whether the session is kept in its cookie and nowhere else.
    pub(super) const fn is_in_cookie(&self) -> bool {
        self.record.is_none()
    }

    /// What goes into the cookie, before it is sealed.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match &self.record {
            Some(record) => record.ticket.to_bytes(),
            None => self.session.to_bytes(),
        }
    }
}

/// How long a record is kept unless its session is used.
pub(super) fn record_ttl(session: &Session, idle: Duration, now: Timestamp) -> Duration {
    /// A little longer than `idle`, so that the session is what ends first.
    const GRACE: Duration = Duration::from_secs(30);
    session.ends.since(now).min(idle + GRACE)
}
