//! What comes of a session.

use super::cookies::SetCookie;
use super::record::Session;
use super::unavailable::Unavailable;

/// A session that has begun, or goes on.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// Who it is, and what is known of the session.
    pub(crate) session: Session,
    /// What the answer has to set, whatever it says besides.
    pub(crate) set_cookies: Vec<SetCookie>,
}

/// Why there is no session.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NoSession {
    /// It is over, or there was none.
    #[error("{why}")]
    Ended {
        /// Why.
        why: Why,
        /// What the answer has to set.
        set_cookies: Vec<SetCookie>,
    },
    /// Nobody can tell just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a session is over. For the log: whoever asks is told the same for all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Why {
    /// No cookie holds a sealed session of ours.
    #[error("no cookie holds a sealed session that opens")]
    Absent,
    /// The cookies hold two sessions, and who put the second one there nobody knows.
    #[error("the cookies hold two sessions")]
    Ambiguous,
    /// The provider's own token has run out, and here it cannot be renewed.
    #[error("the provider's token has run out")]
    Due,
    /// Redis does not have it any more.
    #[error("the session's record is gone")]
    Gone,
    /// Nobody used it for too long.
    #[error("the session was idle for too long")]
    Idle,
    /// It lasted as long as a session may.
    #[error("the session has reached its full lifetime")]
    Lifetime,
    /// The provider says that it is over, or its refresh token has been spent.
    #[error("the provider has ended the session, or its refresh token was spent before")]
    Refused,
    /// Somebody signed out, or the provider ended it.
    #[error("the session has been signed out")]
    Revoked,
    /// What is known of it is more than cookies hold.
    #[error("what the provider says of the person is more than cookies hold")]
    TooLarge,
    /// What has ended is only known since after it began, and there is nothing to prove it by.
    #[error("the record of ended sessions is younger than the session, which cannot be proved")]
    AuthnFailure,
}

/// A session has been signed out.
#[derive(Clone, Debug)]
pub(crate) struct SignedOut {
    /// What it was, if it was one: for the provider, which should end its own too.
    pub(crate) session: Option<Session>,
    /// What the answer has to set.
    pub(crate) set_cookies: Vec<SetCookie>,
}

/// What came of a logout token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoggedOut {
    /// It was heeded before, and nothing was done.
    Before,
    /// It names a provider's session under which nobody is known to have signed in here.
    Nobody,
    /// This is ended.
    Now {
        /// How many marks the filters are told.
        marks: usize,
    },
}
