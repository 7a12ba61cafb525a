//! Signatures checked by Envoy itself, through its foreign function `verify_signature`.
//!
//! BoringSSL outside the VM is ten times as fast as pure Rust inside. The function covers RSA with
//! PKCS#1 v1.5 padding and ECDSA; it can't check PSS or Ed25519, because it has no place for their
//! parameters. It would take any mix of key, curve and hash, SHA-1 too, so that [`HostAlgorithm`]
//! fixes them together.

mod checker;
mod der;
mod message;
mod sample;

use std::borrow::Cow;
use std::sync::Arc;

use jwt_compact::{Algorithm, AlgorithmSignature};

pub use self::checker::Checker;
use crate::host;

/// A JWS algorithm of RFC 7518 that Envoy can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

impl HostAlgorithm {
    /// What Envoy calls the hash.
    const fn hash(self) -> &'static str {
        match self {
            Self::Es256 | Self::Rs256 => "sha256",
            Self::Es384 | Self::Rs384 => "sha384",
            Self::Rs512 => "sha512",
        }
    }

    /// A signature as Envoy takes it, from what stands in a JWS. `None` if its length is wrong.
    fn signature(self, jose: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Es256 => der::ecdsa_signature::<32>(jose).map(Cow::Owned),
            Self::Es384 => der::ecdsa_signature::<48>(jose).map(Cow::Owned),
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Some(Cow::Borrowed(jose)),
        }
    }
}

/// Whether `signature`, in the form of a JWS, is the one of `message` by the key whose
/// SubjectPublicKeyInfo (RFC 5280, DER) is `public_key`.
///
/// The key must be of the algorithm's own kind and curve. Whatever goes wrong on the way is `false`.
#[must_use]
pub fn verify(
    algorithm: HostAlgorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let Some(signature) = algorithm.signature(signature) else {
        return false;
    };
    let arguments = message::arguments(algorithm.hash(), public_key, &signature, message);
    match host::call_foreign_function("verify_signature", &arguments) {
        Ok(Some(result)) => message::is_verified(&result),
        Ok(None) | Err(_) => false,
    }
}

/// Whether this host can be relied on: it says yes to a genuine signature and no to a bent one, for
/// ECDSA and for RSA.
#[must_use]
pub fn detect() -> bool {
    sample::ALL.iter().all(|sample| {
        let mut bent = sample.signature.to_vec();
        if let Some(byte) = bent.last_mut() {
            *byte ^= 1;
        }
        let check = |signature| {
            verify(
                sample.algorithm,
                sample.public_key,
                sample::MESSAGE,
                signature,
            )
        };
        check(sample.signature) && !check(&bent)
    })
}

/// A public key as Envoy takes it: SubjectPublicKeyInfo in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Arc<[u8]>);

impl PublicKey {
    /// Takes the DER bytes as they are.
    #[must_use]
    pub const fn from_der(der: Arc<[u8]>) -> Self {
        Self(der)
    }
}

/// A signature as it stands in a JWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl AlgorithmSignature for Signature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

/// A key that nobody can have: the filter signs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {}

impl Algorithm for HostAlgorithm {
    type SigningKey = NoKey;
    type VerifyingKey = PublicKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        })
    }

    fn sign(&self, signing_key: &NoKey, _message: &[u8]) -> Signature {
        match *signing_key {}
    }

    fn verify_signature(&self, signature: &Signature, key: &PublicKey, message: &[u8]) -> bool {
        verify(*self, &key.0, message, &signature.0)
    }
}

#[cfg(test)]
mod tests;
