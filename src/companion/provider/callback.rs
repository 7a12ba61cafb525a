//! The browser's way back from the provider (RFC 6749, section 4.1.2), and what must hold before
//! its code is worth anything.

#[cfg(test)]
mod tests;

use portcullis_core::timestamp::Timestamp;
use url::form_urlencoded;

use super::attempt::Attempt;
use super::error::{Blame, ErrorCode};
use super::secret::Secret;

/// What the browser brought back. Anybody can have made it up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callback {
    state: Option<Secret>,
    code: Option<Secret>,
    error: Option<ErrorCode>,
    iss: Option<String>,
}

/// Why the browser's way back leads nowhere.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CallbackError {
    /// It says one thing twice, or both that it went well and that it didn't, or neither.
    #[error("`code` or `error` must be there, once, and nothing twice")]
    Ambiguous,
    /// The provider did not sign the person in.
    #[error("the provider answered `{0}`")]
    Denied(ErrorCode),
    /// The answer is another provider's (RFC 9207, section 2.4).
    #[error("`iss` is not the provider's issuer: two providers may have been mixed up")]
    Issuer,
    /// The answer does not say whose it is, though this provider's answers do.
    #[error("`iss` is missing, though the provider's metadata promises it")]
    IssuerMissing,
    /// The attempt is of another provider.
    #[error("the attempt was begun with another provider")]
    OtherProvider,
    /// The attempt is too old.
    #[error("the attempt began more than ten minutes ago")]
    Old,
    /// The answer belongs to no attempt of this browser.
    #[error("`state` is missing or is not the attempt's")]
    State,
}

impl Callback {
    /// Reads the query of the redirect back.
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

    /// Which attempt it speaks of: see [`Attempt::id_of`].
    pub(crate) fn attempt_id(&self) -> Option<String> {
        self.state
            .as_ref()
            .map(|state| Attempt::id_of(state.expose()))
    }

    /// Judges whether it belongs to `attempt`, which this browser began with `provider`.
    pub(super) fn check_attempt(
        &self,
        attempt: &Attempt,
        provider: &str,
        now: Timestamp,
    ) -> Result<(), CallbackError> {
        let state = self.state.as_ref().ok_or(CallbackError::State)?;
        if !attempt.state.is(state.expose()) {
            return Err(CallbackError::State);
        }
        if attempt.provider != provider {
            return Err(CallbackError::OtherProvider);
        }
        if attempt.is_over(now) {
            return Err(CallbackError::Old);
        }
        Ok(())
    }

    /// The code that it brings. Whose answer it is comes before what it says, for an error too, so
    /// that nobody can put words into a provider's mouth.
    pub(super) fn code(&self, issuer: &str, names_issuer: bool) -> Result<&Secret, CallbackError> {
        match &self.iss {
            Some(iss) if iss != issuer => return Err(CallbackError::Issuer),
            None if names_issuer => return Err(CallbackError::IssuerMissing),
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
            Self::Old => "attempt-old",
            Self::State => "callback-state",
        }
    }

    pub(super) fn blame(&self) -> Blame {
        match self {
            Self::Denied(code) if code.is_passing() => Blame::Unreachable,
            Self::Denied(code) => match code.as_str() {
                "access_denied"
                | "login_required"
                | "consent_required"
                | "interaction_required"
                | "account_selection_required" => Blame::Person,
                _ => Blame::Setup,
            },
            Self::IssuerMissing => Blame::Setup,
            Self::Ambiguous | Self::Issuer | Self::OtherProvider | Self::Old | Self::State => {
                Blame::Attempt
            }
        }
    }
}
