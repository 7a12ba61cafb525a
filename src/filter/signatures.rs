//! Signatures checked by Envoy itself, through its foreign function `verify_signature`: BoringSSL
//! outside the VM is ten times as fast as pure Rust inside.

mod checker;

use std::borrow::Cow;
use std::sync::Arc;

use jwt_compact::{Algorithm, AlgorithmSignature};
use portcullis_engine::signatures::{HostAlgorithm, MESSAGE, SAMPLES, is_verified};

pub use self::checker::Checker;
use crate::host;

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
    let Some(arguments) = algorithm.arguments(public_key, message, signature) else {
        return false;
    };
    match host::call_foreign_function(b"verify_signature", &arguments) {
        Ok(Some(result)) => is_verified(&result),
        Ok(None) | Err(_) => false,
    }
}

/// Whether this host can be relied on: it accepts a genuine signature and refuses an altered one, for
/// ECDSA and for RSA.
#[must_use]
pub fn detect() -> bool {
    SAMPLES.iter().all(|sample| {
        let mut altered = sample.signature.to_vec();
        if let Some(byte) = altered.last_mut() {
            *byte ^= 1;
        }
        let check = |signature| verify(sample.algorithm, sample.public_key, MESSAGE, signature);
        check(sample.signature) && !check(&altered)
    })
}

/// A JWS algorithm that Envoy checks, as one of jwt-compact's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByHost(pub HostAlgorithm);

/// A public key as Envoy takes it: SubjectPublicKeyInfo in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub Arc<[u8]>);

/// A signature as it is in a JWS.
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

impl Algorithm for ByHost {
    type SigningKey = NoKey;
    type VerifyingKey = PublicKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.0.name())
    }

    fn sign(&self, signing_key: &NoKey, _message: &[u8]) -> Signature {
        match *signing_key {}
    }

    fn verify_signature(&self, signature: &Signature, key: &PublicKey, message: &[u8]) -> bool {
        verify(self.0, &key.0, message, &signature.0)
    }
}

#[cfg(test)]
mod tests;
