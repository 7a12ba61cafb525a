//! An ES256 key that the companion signs tokens with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_compact::alg::Es256;
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A private key of the curve P-256.
pub(crate) struct Es256Key {
    signing: SigningKey,
    /// The members of the public key, in the order and format of RFC 7638 section 3.2.
    members: String,
}

impl Es256Key {
    /// The key with this scalar; `None` if it is not one of the curve.
    pub(crate) fn from_scalar(scalar: &[u8; 32]) -> Option<Self> {
        Some(Self::of(SigningKey::from_slice(scalar).ok()?))
    }

    /// A new key.
    pub(crate) fn random() -> Self {
        Self::of(SigningKey::random(&mut rand_core::OsRng))
    }

    /// A random scalar of the curve.
    pub(crate) fn random_scalar() -> Zeroizing<[u8; 32]> {
        Zeroizing::new(SigningKey::random(&mut rand_core::OsRng).to_bytes().into())
    }

    fn of(signing: SigningKey) -> Self {
        let point = signing.verifying_key().to_encoded_point(false);
        // Only the point at infinity has no coordinates, and no key has that.
        let [x, y] = [point.x(), point.y()].map(|one| one.map(encode).unwrap_or_default());
        let members = format!(r#""crv":"P-256","kty":"EC","x":"{x}","y":"{y}""#);
        Self { signing, members }
    }

    /// The RFC 7638 thumbprint.
    pub(crate) fn thumbprint(&self) -> String {
        encode(Sha256::digest(format!("{{{}}}", self.members)))
    }

    /// The public key as a JSON Web Key with this `kid`, which needs no escapes.
    pub(crate) fn jwk(&self, kid: &str) -> String {
        let members = &self.members;
        format!(r#"{{"alg":"ES256",{members},"kid":"{kid}","use":"sig"}}"#)
    }

    /// A token of this `typ`, with this `kid` and payload, both as JSON needs them (RFC 7515, section 3.1).
    pub(crate) fn sign(&self, typ: &str, kid: &str, payload: &str) -> String {
        let header = format!(r#"{{"alg":"ES256","typ":"{typ}","kid":"{kid}"}}"#);
        let input = format!("{}.{}", encode(header), encode(payload));
        let signature = Es256.sign(&self.signing, input.as_bytes());
        format!("{input}.{}", encode(signature.as_bytes()))
    }

    /// Whether this key has signed a message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let public = self.signing.verifying_key();
        Signature::try_from_slice(signature)
            .is_ok_and(|signature| Es256.verify_signature(&signature, public, message))
    }
}

#[cfg(test)]
impl Es256Key {
    /// The scalar.
    pub(crate) fn scalar(&self) -> [u8; 32] {
        self.signing.to_bytes().into()
    }
}

/// Base64url without padding (RFC 4648 section 5).
fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
