//! Signature verification by Envoy's foreign function `verify_signature`: its messages, and the
//! formats that it takes: SubjectPublicKeyInfo in DER, the name of a hash, and DER signatures for
//! ECDSA.
//!
//! The function supports RSA with PKCS#1 v1.5 padding and ECDSA, but not PSS or Ed25519, because it
//! has no arguments for their parameters. It accepts any combination of key, curve and hash,
//! including SHA-1, so [`HostAlgorithm`] determines them together.

mod der;
mod host_signatures;
mod message;
mod sample;

use std::borrow::Cow;

use portcullis_core::token::Algorithm;

pub use self::host_signatures::HostSignatures;
pub use self::message::is_verified;

/// A JWS algorithm of RFC 7518 that Envoy can verify.
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
    /// The host algorithm for a JWS algorithm; `None` if Envoy can't verify it.
    #[must_use]
    pub const fn of(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::Es256 => Some(Self::Es256),
            Algorithm::Es384 => Some(Self::Es384),
            Algorithm::Rs256 => Some(Self::Rs256),
            Algorithm::Rs384 => Some(Self::Rs384),
            Algorithm::Rs512 => Some(Self::Rs512),
            Algorithm::EdDsa | Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => None,
        }
    }

    /// The name of the hash in Envoy and OpenSSL.
    #[must_use]
    pub const fn hash(self) -> &'static str {
        match self {
            Self::Es256 | Self::Rs256 => "sha256",
            Self::Es384 | Self::Rs384 => "sha384",
            Self::Rs512 => "sha512",
        }
    }

    /// Converts a JWS signature to the format of BoringSSL. `None` if its length is wrong.
    #[must_use]
    pub fn signature(self, jose: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Es256 => der::ecdsa_signature::<32>(jose).map(Cow::Owned),
            Self::Es384 => der::ecdsa_signature::<48>(jose).map(Cow::Owned),
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Some(Cow::Borrowed(jose)),
        }
    }

    /// The arguments of `verify_signature` for a JWS signature. `public_key` is a
    /// SubjectPublicKeyInfo (RFC 5280, DER). `None` if the signature's length is wrong.
    #[must_use]
    pub fn arguments(self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
        let (hash, signature) = (self.hash(), self.signature(signature)?);
        Some(message::arguments(hash, public_key, &signature, message))
    }
}

#[cfg(test)]
mod tests;
