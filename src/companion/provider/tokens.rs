//! The provider's tokens of a session.

use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// What a session stores of the provider's token responses.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ProviderTokens {
    /// The refresh token, if the provider issued one.
    pub(crate) refresh_token: Option<Secret>,
    /// The last ID token, the `id_token_hint` at sign-out. Dropped where the cookie would be too
    /// long.
    pub(crate) id_token: Option<Secret>,
    /// The session id at the provider (`sid`).
    pub(crate) sid: Option<String>,
    /// When the access token expires, in seconds since the epoch.
    pub(crate) expires_at: u64,
    /// The nonce of the authorization request, which the ID token of a refresh may repeat.
    pub(crate) nonce: Secret,
    /// Whether the first ID token had `azp`. Those of refreshes must agree.
    pub(crate) azp: bool,
    /// When the user authenticated, in seconds since the epoch. A refresh can't change it.
    pub(crate) auth_time: Option<u64>,
}

impl ProviderTokens {
    /// Whether the access token has expired.
    #[cfg(test)]
    pub(crate) fn have_expired(&self, now: portcullis_core::timestamp::Timestamp) -> bool {
        now.secs() >= self.expires_at
    }
}
