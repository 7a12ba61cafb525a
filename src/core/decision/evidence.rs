//! Why a token or a session was refused, with the trust entry and key that were tried: for
//! operators, never for the client, which gets the [`Reason`] only.

mod claimed;

use std::sync::Arc;

use crate::caller::AuthenticatedCaller;
use crate::keys::Key;
use crate::reason::Reason;
use crate::token::{Token, TokenError};
use crate::trust::Trust;

pub(crate) use claimed::claimed;

#[cfg(test)]
mod tests;

/// Why a token or a session is refused. The messages contain nothing of the token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthnError {
    /// The token itself is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No trust entry has the token's issuer.
    #[error("no trust entry has the issuer in `iss`")]
    UnknownIssuer,
    /// No trust entry of the issuer has the key that the token names.
    #[error("no trust entry of the issuer has a key for the token's `kid` or algorithm")]
    UnknownKey,
    /// The token names no key, and an entry has several for its algorithm.
    #[error("the token has no `kid`, and the issuer has several keys for its algorithm")]
    SeveralKeys,
    /// Several trust entries of the issuer have the key, and it is unknown which had it first.
    #[error(
        "several trust entries of the issuer have the key, and none of them has it in `keys.pins`"
    )]
    AmbiguousKey,
    /// The key that the token names is for another algorithm.
    #[error("the key that `kid` names is not for the algorithm in `alg`")]
    OtherAlgorithm,
    /// The key that the token names was fetched longer ago than `max_stale`.
    #[error("the keys of the trust entry were fetched longer ago than `max_stale`")]
    StaleKeys,
    /// The keys that may verify the token could not be fetched.
    #[error("the keys of a trust entry of the issuer could not be fetched")]
    KeysUnavailable,
    /// The token is genuine, but `aud` contains none of the audiences that the app asks for.
    #[error("`aud` contains none of the audiences of the app")]
    AppAudience,
    /// The session was revoked or signed out, or its token has no session id.
    #[error("the session was revoked or signed out")]
    SessionRevoked,
    /// The session token has expired, and the request has no sealed session to refresh it with.
    #[error("the session token has expired, and there is no sealed session to refresh it with")]
    NoSealedSession,
    /// The companion ended the session when it was asked to refresh it.
    #[error("the companion has ended the session")]
    RefreshEnded,
    /// The companion could not be reached, or did not refresh the session.
    #[error("the companion could not be reached, or could not refresh the session")]
    RefreshUnavailable,
    /// The companion's response to the refresh has no session token that is valid.
    #[error("the companion's response to the refresh has no valid session token")]
    RefreshInvalid,
    /// The session token from the refresh is of another session than that of the request.
    #[error("the session token from the refresh is of another session")]
    RefreshMismatch,
}

/// Why a token or a session was refused, and what was tried.
#[derive(Clone, Debug)]
pub struct Evidence {
    error: AuthnError,
    trust: Option<String>,
    kid: Option<String>,
    token: Option<Arc<Token>>,
    is_verified: bool,
}

// === impl AuthnError ===

impl AuthnError {
    /// The reason for this error.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Token(error) => error.reason(),
            Self::UnknownIssuer => Reason::IssuerUnknown,
            Self::UnknownKey | Self::SeveralKeys => Reason::KeyUnknown,
            Self::AmbiguousKey => Reason::KeyAmbiguous,
            Self::OtherAlgorithm => Reason::AlgorithmRefused,
            Self::StaleKeys => Reason::KeysStale,
            Self::KeysUnavailable => Reason::KeysUnavailable,
            Self::AppAudience => Reason::AudienceMismatch,
            Self::SessionRevoked => Reason::Revoked,
            Self::NoSealedSession | Self::RefreshEnded | Self::RefreshMismatch => {
                Reason::SessionExpired
            }
            Self::RefreshUnavailable | Self::RefreshInvalid => Reason::SessionUnavailable,
        }
    }
}

// === impl Evidence ===

impl Evidence {
    /// Evidence with an error only.
    pub(crate) const fn new(error: AuthnError) -> Self {
        Self {
            error,
            trust: None,
            kid: None,
            token: None,
            is_verified: false,
        }
    }

    /// Evidence for a verified token.
    pub(crate) fn of_caller(error: AuthnError, caller: &AuthenticatedCaller) -> Self {
        Self {
            error,
            trust: Some(caller.trust().to_owned()),
            kid: caller.kid().map(str::to_owned),
            token: Some(Arc::clone(caller.token())),
            is_verified: true,
        }
    }

    /// The same, with the presented token, which is not verified.
    #[must_use]
    pub(crate) fn with_token(self, token: &Arc<Token>) -> Self {
        Self {
            token: Some(Arc::clone(token)),
            ..self
        }
    }

    /// The same, with the trust entry and the key that were tried.
    #[must_use]
    pub(crate) fn with_trust(self, trust: &Trust, key: Option<&Key>) -> Self {
        Self {
            trust: Some(trust.name.clone()),
            kid: key.and_then(Key::kid).map(str::to_owned),
            ..self
        }
    }

    /// The same, marked as verified: the key signed the token, so its claims are the issuer's.
    #[must_use]
    pub(crate) fn verified(self) -> Self {
        Self {
            is_verified: true,
            ..self
        }
    }

    /// The error.
    pub const fn error(&self) -> AuthnError {
        self.error
    }

    /// The reason, which the client gets.
    pub const fn reason(&self) -> Reason {
        self.error.reason()
    }

    /// The name of the trust entry that was tried.
    pub fn trust(&self) -> Option<&str> {
        self.trust.as_deref()
    }

    /// The `kid` of the key that was tried, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The presented token, if it could be parsed; see [`Evidence::is_verified`].
    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_deref()
    }

    /// Whether a key of the trust entry signed the token, so that its claims are the issuer's.
    pub const fn is_verified(&self) -> bool {
        self.is_verified
    }
}
