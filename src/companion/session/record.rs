//! What is known of a session, and what of it is sealed.

use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes;
use super::secret::SecretText;

/// A session: who signed in, when, where, and what the provider gave for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Session {
    /// The form of what is sealed. One of another form is not a session.
    version: u32,
    /// Its name: 128 random bits a sign-in, in base64url.
    pub(crate) sid: String,
    /// When the person signed in. Kept over refreshes.
    #[serde(with = "seconds")]
    pub(crate) began: Timestamp,
    /// When it ends whatever happens, as it was decided at sign-in. A longer lifetime in the
    /// configuration revives no session that has been marked as ended.
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

/// A person, as the provider names them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Person {
    /// The subject: unique at the provider, and never given to somebody else.
    pub(crate) sub: String,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// Whether the provider knows that the address is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email_verified: Option<bool>,
    /// The groups that they are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    /// What they like to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preferred_username: Option<String>,
}

/// What the provider gave for a session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ProviderTokens {
    /// What its tokens are renewed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<SecretText>,
    /// The last ID token: a hint for the provider at sign-out, nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<SecretText>,
    /// What the provider calls its own session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// When what it vouched for runs out.
    #[serde(with = "seconds")]
    pub(crate) expires_at: Timestamp,
}

impl Session {
    const VERSION: u32 = 1;

    /// A session that begins now, under a name of its own.
    pub(super) fn begin(
        idp: &str,
        person: Person,
        tokens: ProviderTokens,
        began: Timestamp,
        ends: Timestamp,
    ) -> Self {
        Self {
            version: Self::VERSION,
            sid: bytes::encode(bytes::random::<16>()),
            began,
            ends,
            vouched: began,
            last_used: began,
            idp: idp.to_owned(),
            person,
            tokens,
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
