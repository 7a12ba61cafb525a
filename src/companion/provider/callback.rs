//! The authorization response (RFC 6749 section 4.1.2), and the checks before its code is redeemed.

#[cfg(test)]
mod tests;

use portcullis_core::timestamp::Timestamp;
use url::form_urlencoded;

use super::attempt::Attempt;
use super::error::{ErrorCategory, ErrorCode};
use super::issuer::Issuer;
use super::secret::Secret;

/// The query of the callback. Anybody can forge it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callback {
    state: Option<Secret>,
    code: Option<Secret>,
    error: Option<ErrorCode>,
    iss: Option<String>,
}

/// Why the authorization response is rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CallbackError {
    /// A parameter is repeated, or `code` and `error` are both present or both missing.
    #[error("expected exactly one of `code` and `error`, and no parameter twice")]
    Ambiguous,
    /// An error response of the provider.
    #[error("error response `{0}`")]
    Denied(ErrorCode),
    /// The response is another provider's (RFC 9207 section 2.4).
    #[error("`iss` is not the provider's issuer; this may be a mix-up attack")]
    Issuer,
    /// The response has no `iss`, though this provider's responses have one.
    #[error("`iss` is missing, though the provider's metadata announces it")]
    IssuerMissing,
    /// The attempt was begun with another provider.
    #[error("the attempt was begun with another provider")]
    OtherProvider,
    /// The attempt has expired.
    #[error("the attempt began more than ten minutes ago")]
    Expired,
    /// The response belongs to no attempt of this browser.
    #[error("`state` is missing or not that of the attempt")]
    State,
}

impl Callback {
    /// Parses the query of the callback.
    pub(crate) fn from_query(query: &str) -> Result<Self, CallbackError> {
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let twice = match &*name {
                "state" => callback.state.replace(Secret::new(value)).is_some(),
                "code" => callback.code.replace(Secret::new(value)).is_some(),
                "error" => callback.error.replace(ErrorCode::new(&value)).is_some(),
                "iss" => callback.iss.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if twice {
                return Err(CallbackError::Ambiguous);
            }
        }
        Ok(callback)
    }

    /// The `state`, which anybody may have written.
    pub(crate) fn state(&self) -> Option<&str> {
        self.state.as_ref().map(Secret::expose)
    }

    /// The id of its attempt, see [`Attempt::id_of`].
    pub(crate) fn attempt_id(&self) -> Option<String> {
        self.state
            .as_ref()
            .map(|state| Attempt::id_of(state.expose()))
    }

    /// Checks that it belongs to `attempt`, which this browser began with `provider`.
    pub(super) fn check_attempt(
        &self,
        attempt: &Attempt,
        provider: &str,
        now: Timestamp,
    ) -> Result<(), CallbackError> {
        let state = self.state.as_ref().ok_or(CallbackError::State)?;
        if !attempt.has_state(state) {
            return Err(CallbackError::State);
        }
        if attempt.provider != provider {
            return Err(CallbackError::OtherProvider);
        }
        if attempt.is_expired(now) {
            return Err(CallbackError::Expired);
        }
        Ok(())
    }

    /// Whether there is a code to redeem: an error response has none.
    pub(crate) fn has_code(&self) -> bool {
        self.code.is_some() && self.error.is_none()
    }

    /// The authorization code. The issuer is checked first, for an error response too, so that no
    /// other party can respond in the provider's name.
    pub(super) fn code(
        &self,
        issuer: &Issuer,
        iss_supported: bool,
    ) -> Result<&Secret, CallbackError> {
        match &self.iss {
            Some(iss) if !issuer.accepts(iss) => return Err(CallbackError::Issuer),
            None if iss_supported => return Err(CallbackError::IssuerMissing),
            Some(_) | None => {}
        }
        match (&self.code, &self.error) {
            (Some(code), None) if !code.expose().is_empty() => Ok(code),
            (None, Some(error)) => Err(CallbackError::Denied(error.clone())),
            _ => Err(CallbackError::Ambiguous),
        }
    }
}

impl CallbackError {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Ambiguous => "callback-ambiguous",
            Self::Denied(_) => "denied",
            Self::Issuer | Self::IssuerMissing => "callback-issuer",
            Self::OtherProvider => "callback-provider",
            Self::Expired => "attempt-expired",
            Self::State => "callback-state",
        }
    }

    pub(super) fn category(&self) -> ErrorCategory {
        match self {
            Self::Denied(code) => code.category(),
            Self::IssuerMissing => ErrorCategory::Misconfigured,
            Self::Ambiguous | Self::Issuer | Self::OtherProvider | Self::Expired | Self::State => {
                ErrorCategory::StaleAttempt
            }
        }
    }
}
