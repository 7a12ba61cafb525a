//! The session record: what is sealed into cookies and stores.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes;
use crate::provider::{Authentication, ProviderTokens, RefreshError, User};

#[cfg(test)]
mod tests;

/// A session: who signed in, when, at which provider, and the provider's tokens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Session {
    /// The version of the format. Another version is not a session.
    version: u32,
    /// Its id: 128 random bits, new for each sign-in.
    #[serde(with = "id")]
    pub(crate) sid: Id,
    /// When the user signed in. A refresh does not change it.
    #[serde(with = "seconds")]
    pub(crate) began: Timestamp,
    /// When it ends at the latest. It is set at sign-in, so that a longer `session.lifetime` does not
    /// revive a session whose revocation has expired.
    #[serde(with = "seconds")]
    pub(crate) ends: Timestamp,
    /// When the provider last confirmed it: at sign-in, or by the last refresh.
    #[serde(rename = "vouched", with = "seconds")]
    pub(crate) verified_at: Timestamp,
    /// When it was last used, as recorded.
    #[serde(with = "seconds")]
    pub(crate) last_used: Timestamp,
    /// The name of the provider.
    #[serde(rename = "idp")]
    pub(crate) provider: String,
    /// The user who signed in.
    #[serde(rename = "person")]
    pub(crate) user: User,
    /// The provider's tokens.
    pub(crate) tokens: ProviderTokens,
}

/// Why a session was not refreshed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefreshFailure {
    /// The provider has ended it, or its response is invalid.
    Ended,
    /// The provider or the store is unavailable.
    Unavailable,
}

impl From<RefreshError> for RefreshFailure {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Ended(_) => Self::Ended,
            RefreshError::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl Session {
    const VERSION: u32 = 1;

    /// A session that starts at `began`, with a new id.
    pub(super) fn new(
        provider: &str,
        user: User,
        mut tokens: ProviderTokens,
        began: Timestamp,
        lifetime: Duration,
    ) -> Self {
        // As in the sealed form, which has whole seconds.
        let began = Timestamp::from_secs(began.secs());
        tokens.userinfo_claims.retain_members_of(&user);
        Self {
            version: Self::VERSION,
            sid: Id::from_bytes(bytes::random()),
            began,
            ends: began.after(lifetime),
            verified_at: began,
            last_used: began,
            provider: provider.to_owned(),
            user,
            tokens,
        }
    }

    /// The session with the provider's new tokens.
    pub(super) fn refreshed(&self, authentication: Authentication, now: Timestamp) -> Self {
        let now = Timestamp::from_secs(now.secs());
        let Authentication {
            user, mut tokens, ..
        } = authentication;
        tokens.userinfo_claims.retain_members_of(&user);
        Self {
            verified_at: now,
            last_used: now,
            user,
            tokens,
            ..self.clone()
        }
    }

    /// Copies the tokens of a refreshed session: of this one, or of another session of the same user with
    /// the same refresh token.
    pub(super) fn adopt(&mut self, refreshed: &Self) {
        self.verified_at = refreshed.verified_at;
        self.last_used = self.last_used.max(refreshed.last_used);
        self.user = refreshed.user.clone();
        self.tokens = refreshed.tokens.clone();
    }

    /// The content to seal.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Text and numbers: serialization can't fail.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads sealed content.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let session: Self = serde_json::from_slice(bytes).ok()?;
        (session.version == Self::VERSION).then_some(session)
    }
}

/// Timestamps as whole seconds since the Unix epoch.
pub(super) mod seconds {
    use portcullis_core::timestamp::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(at.secs())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let seconds = u64::deserialize(from)?;
        let at = Timestamp::from_secs(seconds);
        if at.secs() != seconds {
            // It would not be written as it was read.
            return Err(serde::de::Error::custom("a time out of range"));
        }
        Ok(at)
    }
}

/// Ids of 128 bits in their text form.
pub(super) mod id {
    use portcullis_core::session::Id;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &Id, to: S) -> Result<S::Ok, S::Error> {
        id.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        let text = String::deserialize(from)?;
        Id::parse(&text).ok_or_else(|| serde::de::Error::custom("not an id of 128 bits"))
    }
}
