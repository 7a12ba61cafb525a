//! What can go wrong between us, a browser and a provider, and whose fault it is.
//!
//! The text of each is for the operator's log. It names the place and repeats nothing that was
//! sent: no token, code, secret or claim. A person is shown no more than [`Blame`] tells.

use super::callback::CallbackError;
use super::http::FetchError;
use super::logout_token::LogoutTokenError;
use super::metadata::MetadataError;
use super::signed::SignedError;

/// Why a sign-in, a refresh or a logout token came to nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProviderError {
    /// The browser came back in a way that this attempt does not answer for.
    #[error("the browser's way back: {0}")]
    Callback(#[from] CallbackError),
    /// What the provider says of itself can't be had, or is no good.
    #[error("discovery: {0}")]
    Discovery(#[from] DiscoveryError),
    /// The ID token is refused.
    #[error("the ID token: {0}")]
    IdToken(SignedError),
    /// The provider's keys can't be had, or are no good.
    #[error("the key set: {0}")]
    KeySet(#[from] KeySetError),
    /// The logout token is refused.
    #[error("the logout token: {0}")]
    LogoutToken(#[from] LogoutTokenError),
    /// The provider said no at its token endpoint, or nothing that could be used.
    #[error("the token endpoint: {0}")]
    Token(#[from] TokenError),
    /// What else the provider knows of the person can't be had, or is no good.
    #[error("userinfo: {0}")]
    UserInfo(#[from] UserInfoError),
}

/// Why a provider's discovery document is not known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DiscoveryError {
    /// The document is no good.
    #[error(transparent)]
    Document(MetadataError),
    /// There is no document.
    #[error(transparent)]
    Fetch(FetchError),
    /// Nobody has asked for it yet.
    #[error("not read yet")]
    Unread,
}

/// Why a provider's keys are not known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeySetError {
    /// There is no set.
    #[error(transparent)]
    Fetch(FetchError),
    /// The set is no good.
    #[error(transparent)]
    Set(portcullis_core::keys::KeySetError),
    /// The last good set is too old to be believed.
    #[error("the last good one is older than a day")]
    Stale,
}

/// Why the token endpoint gave no tokens.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The answer is not of the form that it must have.
    #[error("the answer is not of the form of RFC 6749 section 5.1: {0}")]
    Answer(&'static str),
    /// There is no answer.
    #[error(transparent)]
    Fetch(FetchError),
    /// There is nothing to buy new tokens with.
    #[error("the provider gave no refresh token; some give one only for the scope offline_access")]
    NoRefreshToken,
    /// The provider refused (RFC 6749, section 5.2).
    #[error("it answered `{0}`")]
    Refused(ErrorCode),
}

/// Why userinfo brought nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UserInfoError {
    /// There is no answer, or none in plain JSON. A signed one is refused too: nothing is gained by
    /// it over TLS, and one more kind of token would have to be told from all others.
    #[error(transparent)]
    Fetch(FetchError),
    /// It speaks of another person than the ID token (OpenID Connect Core, section 5.3.2).
    #[error("its `sub` is not that of the ID token")]
    Subject,
}

/// An error code of RFC 6749 or OpenID Connect, as the provider or a browser sent it: cut down to
/// what such a code may be, so that it can stand in a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ErrorCode(String);

/// Whose fault an error is, and so what helps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Blame {
    /// The attempt is old, was used before, or is not this browser's: beginning anew helps.
    Attempt,
    /// The provider does not let this person in, or the person called it off.
    Person,
    /// The provider answers wrongly, or is configured wrongly here: the operator has to look.
    Setup,
    /// The provider can't be reached or is overloaded: waiting helps.
    Unreachable,
}

// === impl ProviderError ===

impl ProviderError {
    /// One word for logs and metrics. The list is closed.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Callback(error) => error.kind(),
            Self::Discovery(_) => "discovery",
            Self::IdToken(_) => "id-token",
            Self::KeySet(_) => "key-set",
            Self::LogoutToken(_) => "logout-token",
            Self::Token(TokenError::Refused(_)) => "token-refused",
            Self::Token(_) => "token-answer",
            Self::UserInfo(_) => "userinfo",
        }
    }

    /// Whether a logout token is merely that of another provider.
    pub(crate) const fn is_anothers(&self) -> bool {
        matches!(
            self,
            Self::LogoutToken(LogoutTokenError::Signed(super::signed::SignedError::Issuer))
        )
    }

    /// Whose fault it is.
    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Callback(error) => error.blame(),
            Self::Discovery(DiscoveryError::Fetch(error))
            | Self::KeySet(KeySetError::Fetch(error))
            | Self::Token(TokenError::Fetch(error))
            | Self::UserInfo(UserInfoError::Fetch(error)) => of_fetch(error),
            Self::Discovery(DiscoveryError::Unread) | Self::KeySet(KeySetError::Stale) => {
                Blame::Unreachable
            }
            Self::Token(TokenError::Refused(code)) if code.is_passing() => Blame::Unreachable,
            // The code was used before, or too late.
            Self::Token(TokenError::Refused(code)) if code.as_str() == "invalid_grant" => {
                Blame::Attempt
            }
            Self::Token(TokenError::NoRefreshToken) => Blame::Attempt,
            Self::Discovery(DiscoveryError::Document(_))
            | Self::IdToken(_)
            | Self::KeySet(KeySetError::Set(_))
            | Self::LogoutToken(_)
            | Self::Token(TokenError::Answer(_) | TokenError::Refused(_))
            | Self::UserInfo(UserInfoError::Subject) => Blame::Setup,
        }
    }
}

const fn of_fetch(error: &FetchError) -> Blame {
    if error.is_passing() {
        Blame::Unreachable
    } else {
        Blame::Setup
    }
}

// === impl ErrorCode ===

impl ErrorCode {
    /// What a code looks like: a short word of lower-case letters and underscores.
    pub(super) fn new(text: &str) -> Self {
        let plain = !text.is_empty()
            && text.len() <= 40
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        Self(if plain { text } else { "(no code)" }.to_owned())
    }

    /// The code.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the provider only says that it is unwell.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self.as_str(),
            "server_error" | "temporarily_unavailable" | "slow_down"
        )
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
