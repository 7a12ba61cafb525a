//! The session keys: several generations, each a signing key for session tokens and a sealing key for what
//! only the companion opens, and one key for handles.
//!
//! [`Keys`] is a snapshot of the key file, and is replaced as a whole when the file changes. Which
//! key is in use depends on the time, which callers pass.

mod file;
mod seal;
mod token;

#[cfg(test)]
mod tests;

pub(crate) use file::{KeyFileChange, KeyFileError, make_or_rotate};
pub(super) use seal::{Binding, Purpose, open_with, seal_with};

use std::fmt;
use std::iter;
use std::path::Path;

use hmac::{Hmac, Mac as _};
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::bytes;
use super::record::Session;
use super::secret::SecretKey;
use crate::es256_key::Es256Key;

/// All keys of a key file.
pub(crate) struct Keys {
    handle: SecretKey,
    newest: Key,
    /// Newest first.
    older: Vec<Key>,
}

/// One generation.
struct Key {
    created: Timestamp,
    use_after: Timestamp,
    sealing: SecretKey,
    /// The key id in sealed values.
    sealing_id: [u8; 8],
    signing: Es256Key,
    /// The public key as a JSON Web Key, and its RFC 7638 thumbprint.
    jwk: String,
    kid: String,
}

// === impl Keys ===

impl Keys {
    /// Reads a key file. Returns its keys, and a warning for the operator if there is one.
    pub(crate) fn load(path: &Path) -> Result<(Self, Option<String>), KeyFileError> {
        file::load(path)
    }

    /// The key set that verifies session tokens, as JSON (RFC 7517). It includes keys that are not
    /// in use yet, so that all filters know them by then.
    pub(crate) fn jwks_json(&self) -> String {
        let keys: Vec<_> = self.all().map(|key| key.jwk.as_str()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// When the current key was created, for metrics.
    pub(crate) fn current_created_at(&self, now: Timestamp) -> Timestamp {
        self.current(now).created
    }

    /// The handle of a user: a keyed hash by which revocations name all sessions of the user. Without the
    /// key it reveals nothing about the user. It begins with a keyed hash of the provider, by which the
    /// revocations of one provider can be merged: see [`Id::provider`].
    pub(crate) fn handle(&self, provider: &str, sub: &str) -> Id {
        self.of_provider(provider, self.hashed(&[provider, sub]))
    }

    /// An id that begins with its provider.
    fn of_provider(&self, provider: &str, id: Id) -> Id {
        let mut bytes = *id.as_bytes();
        let prefix = self.provider(provider);
        if let (Some(own), Some(prefix)) = (bytes.get_mut(..4), prefix.as_bytes().get(..4)) {
            own.copy_from_slice(prefix);
        }
        Id::from_bytes(bytes)
    }

    /// The id of a provider, with which the handles of its users begin. It hashes one field.
    pub(crate) fn provider(&self, provider: &str) -> Id {
        self.hashed(&[provider]).provider()
    }

    /// Our id for a provider session (`sid`, OpenID Connect Back-Channel Logout 1.0 section 2.1). It hashes
    /// three fields and a handle two, so they can't collide.
    pub(crate) fn provider_session_by_sid(&self, provider: &str, sid: &str) -> Id {
        self.hashed(&["sid", provider, sid])
    }

    /// Our id for all sessions of a user at a provider that sends no `sid`. It hashes as many fields as an
    /// id with a `sid`, with another first field.
    pub(crate) fn provider_session_without_sid(&self, provider: &str, sub: &str) -> Id {
        self.hashed(&["sub", provider, sub])
    }

    /// Our id for the provider session that a session belongs to.
    pub(crate) fn provider_session(&self, session: &Session) -> Id {
        match &session.tokens.sid {
            Some(sid) => self.provider_session_by_sid(&session.provider, sid),
            None => self.provider_session_without_sid(&session.provider, &session.user.sub),
        }
    }

    /// Our id for a logout token. It begins with the provider, as a handle does.
    pub(crate) fn logout_token(&self, provider: &str, jti: &str) -> Id {
        self.of_provider(provider, self.hashed(&["jti", provider, jti]))
    }

    fn hashed(&self, fields: &[&str]) -> Id {
        let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
        Id::from_bytes(bytes::first(keyed_hash(
            &self.handle,
            &bytes::fields(&fields),
        )))
    }

    /// The key in use: the newest whose `use_after` has passed, or the oldest if none has, because
    /// the clock is wrong.
    fn current(&self, now: Timestamp) -> &Key {
        let oldest = self.older.last().unwrap_or(&self.newest);
        let mut usable = self.all().filter(|key| key.use_after <= now);
        usable.next().unwrap_or(oldest)
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        iter::once(&self.newest).chain(&self.older)
    }

    /// The keys of a new key file.
    #[cfg(test)]
    pub(crate) fn fresh(now: Timestamp) -> Self {
        file::Document::new(now).keys().unwrap()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("newest", &self.newest)
            .field("older", &self.older)
            .finish_non_exhaustive()
    }
}

// === impl Key ===

impl Key {
    fn new(entry: &file::Entry) -> Option<Self> {
        let signing = Es256Key::from_scalar(entry.signing.bytes())?;
        let kid = signing.thumbprint();
        let id = keyed_hash(&entry.sealing, b"portcullis: the name of a sealing key");
        Some(Self {
            created: Timestamp::from_secs(entry.created),
            use_after: Timestamp::from_secs(entry.use_after),
            sealing: entry.sealing.clone(),
            sealing_id: bytes::first(id),
            jwk: signing.jwk(&kid),
            signing,
            kid,
        })
    }

    /// A random scalar of the curve P-256.
    fn random_scalar() -> SecretKey {
        SecretKey::from(*Es256Key::random_scalar())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("use_after", &self.use_after)
            .finish_non_exhaustive()
    }
}

/// HMAC-SHA256 (RFC 2104).
fn keyed_hash(key: &SecretKey, message: &[u8]) -> [u8; 32] {
    // A key shorter than a block is padded with zeros (RFC 2104 section 2).
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key.bytes());
    let mac = Hmac::<Sha256>::new((&*block).into());
    mac.chain_update(message).finalize().into_bytes().into()
}
