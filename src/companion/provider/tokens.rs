//! What a session keeps of its provider.

use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// What has to be kept of a provider's answer for as long as the session lives.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ProviderTokens {
    /// What buys the next tokens, where the provider gave one.
    pub(crate) refresh_token: Option<Secret>,
    /// The last ID token, to show when the person signs out. May be dropped where room is short.
    pub(crate) id_token: Option<Secret>,
    /// The provider's name for the session.
    pub(crate) sid: Option<String>,
    /// When the provider's own token ends, in seconds since the epoch.
    pub(crate) expires_at: u64,
    /// The nonce of the sign-in, which the ID token of a refresh may repeat.
    pub(crate) nonce: Secret,
    /// Whether the first ID token had an `azp`; so must those of refreshes.
    pub(crate) azp: bool,
    /// When the person proved to the provider who they are, in seconds since the epoch. A refresh
    /// can't change it.
    pub(crate) auth_time: Option<u64>,
}

impl ProviderTokens {
    /// Whether the provider's own token has run out.
    #[cfg(test)]
    pub(crate) fn have_run_out(&self, now: portcullis_core::timestamp::Timestamp) -> bool {
        now.secs() >= self.expires_at
    }
}
