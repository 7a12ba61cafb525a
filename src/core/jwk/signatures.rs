//! The verification of signatures: by a library, or by the proxy, which is ten times as fast.

#[cfg(feature = "es384")]
mod es384;
#[cfg(test)]
mod tests;

#[cfg(feature = "es384")]
pub(super) use es384::Es384;

use jwt_compact::alg::{Ed25519, Es256, Rsa};
use jwt_compact::{Algorithm as Scheme, AlgorithmSignature as _};

use super::material::Material;
use super::{Algorithm, Key};

/// Verifies signatures.
pub trait Signatures: std::fmt::Debug {
    /// Whether this algorithm is supported.
    fn supports(&self, algorithm: Algorithm) -> bool;

    /// Whether `signature` is a signature of `message` by `key`, with the key's algorithm.
    ///
    /// `signature` is in the form of a JWS (RFC 7518 section 3, RFC 8037 section 3.1). Returns
    /// false if it is malformed or the algorithm isn't supported.
    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool;
}

/// Verifies signatures with Rust libraries: every algorithm but ES384, and with the feature `es384`
/// that too.
#[derive(Clone, Copy, Debug, Default)]
pub struct PureRust;

impl Signatures for PureRust {
    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm != Algorithm::Es384 || cfg!(feature = "es384")
    }

    fn verifies(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key.material() {
            Material::Ed25519(key) => {
                // The library panics if the length is wrong.
                signature.len() == 64 && check(&Ed25519, key, message, signature)
            }
            Material::P256(key) => signature.len() == 64 && check(&Es256, key, message, signature),
            #[cfg(feature = "es384")]
            Material::P384(key) => signature.len() == 96 && check(&Es384, key, message, signature),
            #[cfg(not(feature = "es384"))]
            Material::P384 => false,
            Material::Rsa {
                key: public,
                signature_len,
            } => rsa(key.algorithm()).is_some_and(|scheme| {
                signature.len() == *signature_len && check(&scheme, public, message, signature)
            }),
        }
    }
}

const fn rsa(algorithm: Algorithm) -> Option<Rsa> {
    match algorithm {
        Algorithm::Ps256 => Some(Rsa::ps256()),
        Algorithm::Ps384 => Some(Rsa::ps384()),
        Algorithm::Ps512 => Some(Rsa::ps512()),
        Algorithm::Rs256 => Some(Rsa::rs256()),
        Algorithm::Rs384 => Some(Rsa::rs384()),
        Algorithm::Rs512 => Some(Rsa::rs512()),
        Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Es384 => None,
    }
}

fn check<S: Scheme>(scheme: &S, key: &S::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    S::Signature::try_from_slice(signature)
        .is_ok_and(|signature| scheme.verify_signature(&signature, key, message))
}
