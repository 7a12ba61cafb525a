//! One public key.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Algorithm;
use super::material::Material;
use crate::json::quoted;

/// The longest `kid`, in bytes: the maximum that Kubernetes allows an external signer.
pub(crate) const MAX_KID: usize = 1024;

/// A public key that verifies signatures, for exactly one algorithm (RFC 8725 section 3.1).
///
/// Two keys are equal if `kid`, algorithm and thumbprint are.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    thumbprint: Thumbprint,
    /// The members that the thumbprint covers, in the form of RFC 7638 section 3.1, without braces.
    members: String,
    spki: Arc<[u8]>,
    material: Material,
}

/// The SHA-256 thumbprint of a key, by RFC 7638.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Thumbprint([u8; 32]);

impl Key {
    pub(super) fn new(
        kid: Option<String>,
        algorithm: Algorithm,
        members: String,
        spki: Vec<u8>,
        material: Material,
    ) -> Self {
        Self {
            kid,
            algorithm,
            thumbprint: Thumbprint(Sha256::digest(format!("{{{members}}}")).into()),
            members,
            spki: spki.into(),
            material,
        }
    }

    /// The `kid`, if there is one: opaque, at most 1,024 bytes.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm of the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The thumbprint.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The key as a DER SubjectPublicKeyInfo (RFC 5280 section 4.1), the form that Envoy expects.
    pub const fn spki_der(&self) -> &Arc<[u8]> {
        &self.spki
    }

    /// The key as a JSON Web Key: its public members, `alg`, and `kid` if it has one.
    pub fn to_jwk(&self) -> String {
        let kid = self
            .kid
            .as_deref()
            .map_or_else(String::new, |kid| ["\"kid\":", &quoted(kid), ","].concat());
        format!(r#"{{"alg":"{}",{kid}{}}}"#, self.algorithm, self.members)
    }

    pub(super) const fn material(&self) -> &Material {
        &self.material
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint
            && self.algorithm == other.algorithm
            && self.kid == other.kid
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

impl Thumbprint {
    /// Reads the base64url form, 43 characters without padding.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests;
