//! ES384 (RFC 7518 section 3.4), which jwt-compact doesn't implement.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use jwt_compact::{Algorithm, AlgorithmSignature};
use p384::ecdsa::signature::{Signer as _, Verifier as _};
use p384::ecdsa::{Signature, SigningKey, VerifyingKey};

/// ECDSA on P-384 with SHA-384.
#[derive(Debug)]
pub(in crate::jwk) struct Es384;

/// An ES384 signature: r and s, 48 bytes each.
#[derive(Debug)]
pub(in crate::jwk) struct Es384Signature(Signature);

impl Es384 {
    /// The key with these coordinates, if they have full length and are on the curve.
    pub(in crate::jwk) fn key(x: &[u8], y: &[u8]) -> Option<VerifyingKey> {
        // 4 is the prefix of an uncompressed point. The library checks the total length.
        let point = [&[4], x, y].concat();
        if x.len() == y.len() {
            VerifyingKey::from_sec1_bytes(&point).ok()
        } else {
            None
        }
    }
}

impl Algorithm for Es384 {
    type SigningKey = SigningKey;
    type VerifyingKey = VerifyingKey;
    type Signature = Es384Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("ES384")
    }

    fn sign(&self, key: &SigningKey, message: &[u8]) -> Es384Signature {
        Es384Signature(key.sign(message))
    }

    fn verify_signature(
        &self,
        signature: &Es384Signature,
        key: &VerifyingKey,
        message: &[u8],
    ) -> bool {
        key.verify(message, &signature.0).is_ok()
    }
}

impl AlgorithmSignature for Es384Signature {
    const LENGTH: Option<NonZeroUsize> = NonZeroUsize::new(96);

    fn try_from_slice(bytes: &[u8]) -> anyhow::Result<Self> {
        Signature::from_slice(bytes)
            .map(Self)
            .map_err(anyhow::Error::msg)
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.to_bytes().to_vec())
    }
}
