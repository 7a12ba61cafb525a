//! What is known of a session, and what of it is sealed.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes;
use crate::provider::{Person, ProviderTokens, RefreshError, Renewed};

#[cfg(test)]
mod tests;

/// A session: who signed in, when, where, and what the provider gave for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Session {
    /// The form of what is sealed. One of another form is not a session.
    version: u32,
    /// Its name: 128 random bits a sign-in.
    #[serde(with = "id")]
    pub(crate) sid: Id,
    /// When the person signed in. Kept over refreshes.
    #[serde(with = "seconds")]
    pub(crate) began: Timestamp,
    /// When it ends whatever happens, as it was decided at sign-in. A longer lifetime in the
    /// configuration revives no session whose mark has gone.
    #[serde(with = "seconds")]
    pub(crate) ends: Timestamp,
    /// When the provider last vouched for it: at sign-in, or when it last renewed its tokens.
    #[serde(with = "seconds")]
    pub(crate) vouched: Timestamp,
    /// When it was last used, as far as is known.
    #[serde(with = "seconds")]
    pub(crate) last_used: Timestamp,
    /// The name of the provider.
    pub(crate) idp: String,
    /// Who signed in.
    pub(crate) person: Person,
    /// What the provider gave.
    pub(crate) tokens: ProviderTokens,
}

/// Why the provider renews nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotRenewed {
    /// It says that the session is over, or says what cannot be believed.
    Ended,
    /// It cannot be reached, or cannot tell just now.
    Unavailable,
}

impl From<RefreshError> for NotRenewed {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Ended(_) => Self::Ended,
            RefreshError::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl Session {
    const VERSION: u32 = 1;

    /// A session that begins at this moment, under a name of its own.
    pub(super) fn begin(
        idp: &str,
        person: Person,
        tokens: ProviderTokens,
        began: Timestamp,
        lifetime: Duration,
    ) -> Self {
        // What is sealed has whole seconds, and is compared with what has just been made.
        let began = Timestamp::from_secs(began.secs());
        Self {
            version: Self::VERSION,
            sid: Id::from_bytes(bytes::random()),
            began,
            ends: began.after(lifetime),
            vouched: began,
            last_used: began,
            idp: idp.to_owned(),
            person,
            tokens,
        }
    }

    /// The session after the provider has vouched for it again.
    pub(super) fn renewed(&self, renewed: Renewed, now: Timestamp) -> Self {
        let now = Timestamp::from_secs(now.secs());
        Self {
            vouched: now,
            last_used: now,
            person: renewed.person,
            tokens: renewed.tokens,
            ..self.clone()
        }
    }

    /// What is put under the seal.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Text and numbers: nothing in it can fail to be written.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what was under the seal.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let session: Self = serde_json::from_slice(bytes).ok()?;
        (session.version == Self::VERSION).then_some(session)
    }
}

/// Moments as whole seconds since the Unix epoch.
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

/// Names of 128 bits in their text form.
pub(super) mod id {
    use portcullis_core::session::Id;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &Id, to: S) -> Result<S::Ok, S::Error> {
        id.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        let text = String::deserialize(from)?;
        Id::parse(&text).ok_or_else(|| serde::de::Error::custom("not a name of 128 bits"))
    }
}
