//! The session record: what is sealed into cookies and stores.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes;
use crate::provider::{Authentication, Person, ProviderTokens, RefreshError};

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
    /// When the person signed in. Kept over refreshes.
    #[serde(with = "seconds")]
    pub(crate) began: Timestamp,
    /// When it ends at the latest, as decided at sign-in. So a longer `session.lifetime` does not
    /// revive a session whose revocation has expired.
    #[serde(with = "seconds")]
    pub(crate) ends: Timestamp,
    /// When the provider last confirmed it: at sign-in, or when it last refreshed its tokens.
    #[serde(rename = "vouched", with = "seconds")]
    pub(crate) verified_at: Timestamp,
    /// When it was last used, as far as is known here.
    #[serde(with = "seconds")]
    pub(crate) last_used: Timestamp,
    /// The name of the provider.
    pub(crate) idp: String,
    /// Who signed in.
    pub(crate) person: Person,
    /// The provider's tokens.
    pub(crate) tokens: ProviderTokens,
}

/// Why a session was not refreshed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefreshFailure {
    /// The provider says that it has ended, or its response is not valid.
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

    /// A session that begins now, with a new id.
    pub(super) fn new(
        idp: &str,
        person: Person,
        tokens: ProviderTokens,
        began: Timestamp,
        lifetime: Duration,
    ) -> Self {
        // The sealed form has whole seconds, and is compared with new sessions.
        let began = Timestamp::from_secs(began.secs());
        Self {
            version: Self::VERSION,
            sid: Id::from_bytes(bytes::random()),
            began,
            ends: began.after(lifetime),
            verified_at: began,
            last_used: began,
            idp: idp.to_owned(),
            person,
            tokens,
        }
    }

    /// The session with the provider's new tokens.
    pub(super) fn refreshed(&self, authentication: Authentication, now: Timestamp) -> Self {
        let now = Timestamp::from_secs(now.secs());
        Self {
            verified_at: now,
            last_used: now,
            person: authentication.person,
            tokens: authentication.tokens,
            ..self.clone()
        }
    }

    /// Takes over the tokens of a refreshed session: of this one, or of another session of the same
    /// person that has the same refresh token.
    pub(super) fn adopt(&mut self, refreshed: &Self) {
        self.verified_at = refreshed.verified_at;
        self.last_used = self.last_used.max(refreshed.last_used);
        self.person = refreshed.person.clone();
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
        u64::deserialize(from).map(Timestamp::from_secs)
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
