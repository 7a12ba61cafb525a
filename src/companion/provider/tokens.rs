//! The provider's tokens of a session.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::user::User;

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
    /// Which claims of the user came from userinfo.
    #[serde(default, skip_serializing_if = "UserInfoClaims::is_none")]
    pub(crate) userinfo_claims: UserInfoClaims,
}

/// The user's claims that came from userinfo, and not from an ID token. A response of userinfo without them means that
/// they have been removed, also where the token response has no ID token.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct UserInfoClaims {
    /// Whether the email address did.
    pub(crate) email: bool,
    /// Whether the groups did.
    pub(crate) groups: bool,
    /// The names of those members of [`User::claims`] that did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) members: Vec<String>,
}

impl ProviderTokens {
    /// Whether the access token has expired.
    #[cfg(test)]
    pub(crate) fn have_expired(&self, now: portcullis_core::timestamp::Timestamp) -> bool {
        now.secs() >= self.expires_at
    }
}

// === impl UserInfoClaims ===

impl UserInfoClaims {
    /// Whether no claim came from userinfo.
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Those that are in `other` too.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.email &= other.email;
        self.groups &= other.groups;
        self.members.retain(|name| other.members.contains(name));
        self
    }

    /// Forgets the names of members that a session does not keep.
    pub(crate) fn retain_members_of(&mut self, user: &User) {
        let claims = user.claims.as_ref();
        let has = |name: &str| claims.is_some_and(|claims| claims.member(name).is_some());
        self.members.retain(|name| has(name));
    }
}
