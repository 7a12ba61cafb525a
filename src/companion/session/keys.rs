//! The keys of sessions: one to sign session tokens and one to seal what only the companion opens,
//! several generations of both, and one for handles.
//!
//! [`Keys`] is a snapshot of the key file. Whoever holds it changes it for a newer one as a whole
//! when the file changes; nothing in it depends on when that was, only on the time that is passed.

mod file;
mod seal;
mod token;

#[cfg(test)]
mod tests;

pub(crate) use file::{KeyFileError, Written, make_or_rotate};
pub(super) use seal::{Binding, Purpose, open_with, seal_with};

use std::fmt;
use std::iter;
use std::path::Path;

use hmac::{Hmac, Mac as _};
use p256::ecdsa::SigningKey;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::bytes;
use super::record::Session;
use super::secret::SecretKey;

/// All keys of a key file.
pub(crate) struct Keys {
    handle: SecretKey,
    newest: Key,
    /// Newest first.
    older: Vec<Key>,
}

/// One generation.
struct Key {
    made: Timestamp,
    use_after: Timestamp,
    sealing: SecretKey,
    /// What a sealed value names this key by.
    sealing_id: [u8; 8],
    signing: SigningKey,
    /// The public half as a JSON Web Key, and its RFC 7638 thumbprint.
    jwk: String,
    kid: String,
}

// === impl Keys ===

impl Keys {
    /// Reads a key file. Beside the keys, what the operator should be warned of.
    pub(crate) fn load(path: &Path) -> Result<(Self, Option<String>), KeyFileError> {
        file::load(path)
    }

    /// The key set that verifies session tokens, as JSON (RFC 7517): keys that do not sign yet are
    /// in it too, so that all filters know them by then.
    pub(crate) fn jwks_json(&self) -> String {
        let keys: Vec<_> = self.all().map(|key| key.jwk.as_str()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// When the key was made that signs and seals now, for the operator's eyes.
    pub(crate) fn made(&self, now: Timestamp) -> Timestamp {
        self.current(now).made
    }

    /// What a revocation calls all sessions of a person by: of no use to whoever reads it, because
    /// nobody without the key can tell who it is.
    pub(crate) fn handle(&self, idp: &str, sub: &str) -> Id {
        self.hashed(&[idp, sub])
    }

    /// What this companion knows a session of the provider by (OpenID Connect Back-Channel Logout
    /// 1.0 section 2.1). It has three fields where a handle has two, so neither is ever the other.
    pub(crate) fn provider_session(&self, idp: &str, sid: &str) -> Id {
        self.hashed(&["sid", idp, sid])
    }

    /// What this companion knows a person's sessions of the provider by, where the provider gave none
    /// of them a name. As many fields as a session of the provider has, and another first one.
    pub(crate) fn nameless_sessions(&self, idp: &str, sub: &str) -> Id {
        self.hashed(&["sub", idp, sub])
    }

    /// What this companion knows the provider's own session by that a session of ours is of.
    pub(crate) fn at_provider(&self, session: &Session) -> Id {
        match &session.tokens.sid {
            Some(sid) => self.provider_session(&session.idp, sid),
            None => self.nameless_sessions(&session.idp, &session.person.sub),
        }
    }

    /// What this companion knows a logout token by.
    pub(crate) fn logout_token(&self, idp: &str, jti: &str) -> Id {
        self.hashed(&["jti", idp, jti])
    }

    fn hashed(&self, fields: &[&str]) -> Id {
        let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
        Id::from_bytes(bytes::first(keyed_hash(
            &self.handle,
            &bytes::fields(&fields),
        )))
    }

    /// The key that signs and seals: the newest whose time has come. The oldest, where a clock is
    /// so slow that none has.
    fn current(&self, now: Timestamp) -> &Key {
        let oldest = self.older.last().unwrap_or(&self.newest);
        let mut come = self.all().filter(|key| key.use_after <= now);
        come.next().unwrap_or(oldest)
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        iter::once(&self.newest).chain(&self.older)
    }

    /// Keys as a fresh file would hold them.
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
        let signing = SigningKey::from_slice(entry.signing.bytes()).ok()?;
        let point = signing.verifying_key().to_encoded_point(false);
        let (x, y) = (bytes::encode(point.x()?), bytes::encode(point.y()?));
        // In the order and form that RFC 7638 section 3.2 hashes.
        let members = format!(r#""crv":"P-256","kty":"EC","x":"{x}","y":"{y}""#);
        let kid = bytes::encode(Sha256::digest(format!("{{{members}}}")));
        let id = keyed_hash(&entry.sealing, b"portcullis: the name of a sealing key");
        Some(Self {
            made: Timestamp::from_secs(entry.made),
            use_after: Timestamp::from_secs(entry.use_after),
            sealing: entry.sealing.clone(),
            sealing_id: bytes::first(id),
            signing,
            jwk: format!(r#"{{"alg":"ES256",{members},"kid":"{kid}","use":"sig"}}"#),
            kid,
        })
    }

    /// A fresh scalar of the curve P-256.
    fn random_scalar() -> SecretKey {
        let key = SigningKey::random(&mut rand_core::OsRng);
        SecretKey::from(<[u8; 32]>::from(key.to_bytes()))
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
    // A key shorter than a block is filled up with zeros in any case.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key.bytes());
    let mac = Hmac::<Sha256>::new((&*block).into());
    mac.chain_update(message).finalize().into_bytes().into()
}
