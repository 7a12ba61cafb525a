//! The results of operations on sessions.

use std::collections::BTreeSet;

use portcullis_core::session::Id;

use super::cookies::SetCookie;
use super::record::Session;
use super::unavailable::Unavailable;

/// A session that was started or refreshed.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSession {
    /// The session.
    pub(crate) session: Session,
    /// The cookies that the response must set, whatever its status is.
    pub(crate) set_cookies: Vec<SetCookie>,
    /// Whether groups were left out because all would be too large for cookies.
    pub(crate) are_groups_left_out: bool,
}

/// Why there is no session.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NoSession {
    /// It has ended, or there is none.
    #[error("{reason}")]
    Ended {
        /// Why.
        reason: EndReason,
        /// The cookies that the response must set.
        set_cookies: Vec<SetCookie>,
    },
    /// The store or the provider is unavailable.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a session has ended. For the log: clients get the same response for all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum EndReason {
    /// No cookie has a valid sealed session.
    #[error("no valid session cookie")]
    NoCookie,
    /// The cookies have two sessions, and one of them may be an attacker's.
    #[error("the cookies have two sessions")]
    Ambiguous,
    /// The provider's tokens have expired, and can't be refreshed here.
    #[error("the provider's tokens have expired")]
    ProviderTokenExpired,
    /// The store has no record of it.
    #[error("the store has no record of the session")]
    RecordMissing,
    /// It was not used for the idle timeout.
    #[error("idle timeout")]
    IdleTimeout,
    /// It has reached its maximum lifetime.
    #[error("maximum lifetime reached")]
    LifetimeExceeded,
    /// The provider has ended it, or its refresh token was used before.
    #[error("the provider rejected the refresh token, or it was used before")]
    RefreshRejected,
    /// The user signed out, or the provider ended the session.
    #[error("the session was revoked")]
    Revoked,
    /// The user's claims are too large for cookies.
    #[error("the user's claims are too large for cookies")]
    TooLarge,
    /// The revocation list is younger than the session, and the provider can't confirm it.
    #[error("the session is older than the revocation list and can't be confirmed")]
    Unverified,
}

impl From<EndReason> for NoSession {
    fn from(reason: EndReason) -> Self {
        Self::Ended {
            reason,
            set_cookies: Vec::new(),
        }
    }
}

/// The result of a sign-out.
#[derive(Clone, Debug)]
pub(crate) struct SignedOut {
    /// The session, if there was exactly one: the provider session should end too.
    pub(crate) session: Option<Session>,
    /// All sessions that it ended.
    pub(crate) ended: Vec<EndedSession>,
    /// The cookies that the response must set.
    pub(crate) set_cookies: Vec<SetCookie>,
}

/// A session that a sign-out ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EndedSession {
    /// Its id.
    pub(crate) sid: Id,
    /// The name of its provider.
    pub(crate) provider: String,
    /// Its user.
    pub(crate) subject: String,
}

/// The result of a logout token, and the single sessions that it revoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LoggedOut {
    /// The result.
    pub(crate) outcome: LogoutOutcome,
    /// The sessions, as far as they are known one by one.
    pub(crate) sids: BTreeSet<Id>,
}

impl From<LogoutOutcome> for LoggedOut {
    fn from(outcome: LogoutOutcome) -> Self {
        Self {
            outcome,
            sids: BTreeSet::new(),
        }
    }
}

/// The result of a logout token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogoutOutcome {
    /// It was used before, so nothing was done.
    Replayed,
    /// It names a provider session to which no session here belongs.
    UnknownSession,
    /// Sessions were revoked.
    Revoked {
        /// How many revocations were added.
        revocations: usize,
    },
}
