//! Errors of sign-ins, refreshes and logout tokens, and their categories.
//!
//! The text of each error is for the operator's log. It repeats nothing that was received: no
//! token, code, secret or claim. Pages show no more than the [`ErrorCategory`].

use super::callback::CallbackError;
use super::http::FetchError;
use super::keys::ProviderKeysError;
use super::logout_token::LogoutTokenError;
use super::metadata::MetadataError;
use super::signed_jwt::JwtError;

/// Why a sign-in or a refresh failed, or a logout token was rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProviderError {
    /// The callback is not a valid authorization response to this attempt.
    #[error("callback: {0}")]
    Callback(#[from] CallbackError),
    /// The provider's metadata can't be fetched, or is invalid.
    #[error("discovery: {0}")]
    Discovery(#[from] DiscoveryError),
    /// The ID token is invalid.
    #[error("ID token: {0}")]
    IdToken(JwtError),
    /// The provider's key set can't be fetched, or is invalid.
    #[error("key set: {0}")]
    KeySet(#[from] KeySetError),
    /// The logout token is invalid.
    #[error("logout token: {0}")]
    LogoutToken(#[from] LogoutTokenError),
    /// The token endpoint returned an error, or an invalid response.
    #[error("token endpoint: {0}")]
    Token(#[from] TokenEndpointError),
    /// The userinfo response can't be fetched, or is invalid.
    #[error("userinfo: {0}")]
    UserInfo(#[from] UserInfoError),
}

/// Why the provider's metadata is not known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DiscoveryError {
    /// The document is invalid.
    #[error(transparent)]
    Document(MetadataError),
    /// It can't be fetched.
    #[error(transparent)]
    Fetch(FetchError),
    /// It was not fetched yet.
    #[error("not fetched yet")]
    NotFetched,
}

/// Why the provider's keys are not known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeySetError {
    /// The key set can't be fetched.
    #[error(transparent)]
    Fetch(FetchError),
    /// No known key fits, and the key set is not fetched again so soon.
    #[error("no known key fits, and the key set was fetched less than ten seconds ago")]
    NotFetchedAgain,
    /// The key set is invalid.
    #[error(transparent)]
    Set(ProviderKeysError),
    /// The last good key set is too old.
    #[error("not fetched for 24 hours")]
    Stale,
}

/// Why the token endpoint returned no tokens.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TokenEndpointError {
    /// The response is not valid.
    #[error("invalid response (RFC 6749 section 5.1): {0}")]
    Response(&'static str),
    /// There is no response.
    #[error(transparent)]
    Fetch(FetchError),
    /// The session has no refresh token.
    #[error("the provider issued no refresh token; some do only for the scope `offline_access`")]
    NoRefreshToken,
    /// A response with the status 200, an `error` and no tokens.
    #[error("error response `{0}` with status 200")]
    NoTokens(ErrorCode),
    /// An error response (RFC 6749 section 5.2).
    #[error("error response `{0}`")]
    Refused(ErrorCode),
}

/// Why the userinfo response can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UserInfoError {
    /// There is no response in plain JSON. A signed one is refused too: TLS authenticates it
    /// already, and one more kind of token would have to be distinguished from all others.
    #[error(transparent)]
    Fetch(FetchError),
    /// It has no `sub`, so it is not used (OpenID Connect Core 1.0 section 5.3.2).
    #[error("it has no `sub`")]
    NoSubject,
    /// Its `sub` is another one (OpenID Connect Core 1.0 section 5.3.2).
    #[error("its `sub` is not that of the ID token")]
    Subject,
}

/// An error code of RFC 6749 or OpenID Connect, as the provider or a browser sent it, limited to
/// the characters of such codes, so that it is safe to log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ErrorCode(String);

/// Who can resolve an error, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ErrorCategory {
    /// The attempt has expired, was completed before, or was begun in another browser: the user must
    /// sign in again.
    StaleAttempt,
    /// The provider denied access, or the user cancelled.
    AccessDenied,
    /// The provider's responses are invalid, or the configuration here is wrong: the operator must
    /// act.
    Misconfigured,
    /// The provider is unreachable or overloaded: a later attempt may succeed.
    Unreachable,
}

// === impl ProviderError ===

impl ProviderError {
    /// The kind, as logs and metrics name it. The list is closed.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Callback(error) => error.kind(),
            Self::Discovery(_) => "discovery",
            Self::IdToken(_) => "id-token",
            Self::KeySet(_) => "key-set",
            Self::LogoutToken(_) => "logout-token",
            Self::Token(TokenEndpointError::NoTokens(_) | TokenEndpointError::Refused(_)) => {
                "token-refused"
            }
            Self::Token(_) => "token-response",
            Self::UserInfo(_) => "userinfo",
        }
    }

    /// Whether the provider only asks for another authorization request. Keycloak does so if its login page
    /// was open for too long.
    pub(crate) fn asks_for_another_sign_in(&self) -> bool {
        matches!(
            self,
            Self::Callback(CallbackError::Denied(code)) if code.as_str() == "temporarily_unavailable"
        )
    }

    /// Whether a logout token was issued by another provider.
    pub(crate) const fn is_for_other_provider(&self) -> bool {
        matches!(
            self,
            Self::LogoutToken(LogoutTokenError::Jwt(JwtError::Issuer))
        )
    }

    /// The category.
    pub(crate) fn category(&self) -> ErrorCategory {
        match self {
            Self::Callback(error) => error.category(),
            Self::Discovery(DiscoveryError::Fetch(error))
            | Self::KeySet(KeySetError::Fetch(error))
            | Self::Token(TokenEndpointError::Fetch(error))
            | Self::UserInfo(UserInfoError::Fetch(error)) => category_of_fetch(error),
            Self::Discovery(DiscoveryError::NotFetched)
            | Self::KeySet(KeySetError::NotFetchedAgain | KeySetError::Stale) => {
                ErrorCategory::Unreachable
            }
            Self::Token(TokenEndpointError::NoTokens(code) | TokenEndpointError::Refused(code)) => {
                match code.as_str() {
                    // The code was used before, or has expired.
                    "invalid_grant" => ErrorCategory::StaleAttempt,
                    _ => code.category(),
                }
            }
            Self::Token(TokenEndpointError::NoRefreshToken) => ErrorCategory::StaleAttempt,
            Self::Discovery(DiscoveryError::Document(_))
            | Self::IdToken(_)
            | Self::KeySet(KeySetError::Set(_))
            | Self::LogoutToken(_)
            | Self::Token(TokenEndpointError::Response(_))
            | Self::UserInfo(UserInfoError::NoSubject | UserInfoError::Subject) => {
                ErrorCategory::Misconfigured
            }
        }
    }
}

const fn category_of_fetch(error: &FetchError) -> ErrorCategory {
    if error.is_transient() {
        ErrorCategory::Unreachable
    } else {
        ErrorCategory::Misconfigured
    }
}

// === impl UserInfoError ===

impl UserInfoError {
    /// Whether the endpoint can't be used, now or later: it refuses the access token, as that of Entra
    /// ID does if the token is for another API, or its responses are signed or don't say whom they are
    /// about. A response about another subject is an attack, or an error of the provider, in any case.
    pub(super) const fn is_permanent(&self) -> bool {
        match self {
            Self::Fetch(error) => !error.is_transient(),
            Self::NoSubject => true,
            Self::Subject => false,
        }
    }
}

// === impl TokenEndpointError ===

impl TokenEndpointError {
    /// Whether the provider did not accept the authentication of the client.
    pub(super) fn is_about_client(&self) -> bool {
        match self {
            Self::NoTokens(code) | Self::Refused(code) => code.is_about_client(),
            Self::Fetch(_) | Self::NoRefreshToken | Self::Response(_) => false,
        }
    }

    /// Whether a refresh that fails with it says that the grant has ended. Otherwise the provider is
    /// unavailable or rejects this client, which says nothing about the user.
    pub(super) fn ends_grant(&self) -> bool {
        match self {
            Self::Refused(code) => code.ends_grant(),
            // The request was processed, and there are no new tokens.
            Self::NoTokens(code) => !code.is_transient() && !code.is_about_client(),
            Self::NoRefreshToken => true,
            Self::Fetch(_) | Self::Response(_) => false,
        }
    }
}

// === impl ErrorCode ===

impl ErrorCode {
    /// A code of lower-case letters and underscores. Anything else becomes `(no code)`.
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

    /// Whether the user can't be authenticated without interaction, or access was denied.
    pub(super) fn is_denial(&self) -> bool {
        // `interaction_required`, `login_required`, `consent_required` and
        // `account_selection_required` of OpenID Connect Core 1.0 section 3.1.2.6, and others, such
        // as `mfa_required` of Auth0.
        self.0 == "access_denied" || self.0.ends_with("_required")
    }

    /// Whether the client authentication failed (RFC 6749 section 5.2): the configuration is wrong,
    /// and the refresh token may be valid.
    fn is_about_client(&self) -> bool {
        self.0 == "invalid_client"
    }

    /// Whether the error response to a refresh says that the grant has ended: a new sign-in may
    /// succeed, and the same refresh token never will.
    ///
    /// Dex sends `invalid_request` for a refresh token that is unknown, expired or redeemed.
    /// `unauthorized_client` says that the client may not refresh. `invalid_scope` and
    /// `unsupported_grant_type` say that the request of this client is never accepted, so they are
    /// errors of the configuration, like `invalid_client`. `invalid_token` and `expired_token` (RFC
    /// 6750 section 3.1, RFC 8628 section 3.5) are not for this endpoint, but unambiguous.
    fn ends_grant(&self) -> bool {
        self.is_denial()
            || matches!(
                self.as_str(),
                "expired_token"
                    | "invalid_grant"
                    | "invalid_request"
                    | "invalid_token"
                    | "unauthorized_client"
            )
    }

    /// The category of an error response at a sign-in.
    pub(super) fn category(&self) -> ErrorCategory {
        if self.is_transient() {
            ErrorCategory::Unreachable
        } else if self.is_denial() {
            ErrorCategory::AccessDenied
        } else {
            ErrorCategory::Misconfigured
        }
    }

    /// Whether the provider says that it is unavailable.
    fn is_transient(&self) -> bool {
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
