//! Public keys as the libraries hold them, built once, when a set is read.

use std::borrow::Cow;

use jwt_compact::Algorithm;
use jwt_compact::alg::{Ed25519, Es256, Rsa};
use jwt_compact::jwk::JsonWebKey;
use rsa::{BigUint, RsaPublicKey};

use super::jwk::UnusableKey;
#[cfg(feature = "es384")]
use crate::keys::signatures::Es384;

/// The least and the most bits of an RSA modulus: less is unsafe, and more costs a worker too long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

type VerifyingKey<A> = <A as Algorithm>::VerifyingKey;

/// What verifies a signature. The RSA key is boxed because it is far larger than the others.
#[derive(Clone)]
pub(in crate::keys) enum Material {
    Ed25519(VerifyingKey<Ed25519>),
    P256(VerifyingKey<Es256>),
    /// Without the feature only the host can verify with it, and takes it as SubjectPublicKeyInfo.
    #[cfg(not(feature = "es384"))]
    P384,
    #[cfg(feature = "es384")]
    P384(VerifyingKey<Es384>),
    Rsa {
        key: Box<VerifyingKey<Rsa>>,
        /// How long its signatures are: as long as its modulus, in bytes.
        signature_len: usize,
    },
}

impl Material {
    /// An RSA key of a modulus and exponent without leading zeros. The library refuses an even
    /// modulus, and an exponent that is even, 1, or longer than 33 bits.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, UnusableKey> {
        let unused = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = n.len().saturating_mul(8).saturating_sub(unused);
        if !RSA_BITS.contains(&bits) {
            return Err(UnusableKey::Material);
        }
        // Not by way of a `JsonWebKey`: its error carries the texts of all ASN.1, 10 KB of module.
        let (n_number, e_number) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
        let key = RsaPublicKey::new(n_number, e_number).map_err(|_| UnusableKey::Material)?;
        Ok(Self::Rsa {
            key: Box::new(key),
            signature_len: n.len(),
        })
    }

    /// A point on P-256, both coordinates in full length.
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Result<Self, UnusableKey> {
        let key = (&elliptic("P-256", x, y)).try_into();
        key.map(Self::P256).map_err(|_| UnusableKey::Material)
    }

    /// A point on P-384, both coordinates in full length.
    #[cfg(feature = "es384")]
    pub(super) fn p384(x: &[u8], y: &[u8]) -> Result<Self, UnusableKey> {
        Es384::key(x, y)
            .map(Self::P384)
            .ok_or(UnusableKey::Material)
    }

    /// Coordinates of P-384 in full length. Whether they lie on the curve is for the host to say,
    /// which refuses every signature by a point that doesn't.
    #[cfg(not(feature = "es384"))]
    pub(super) fn p384(x: &[u8], y: &[u8]) -> Result<Self, UnusableKey> {
        if x.len() == 48 && y.len() == 48 {
            Ok(Self::P384)
        } else {
            Err(UnusableKey::Material)
        }
    }

    /// A point on edwards25519 in its canonical encoding, and not one of small order, for which
    /// signatures can be made without any private key.
    pub(super) fn ed25519(x: &[u8]) -> Result<Self, UnusableKey> {
        let jwk = JsonWebKey::KeyPair {
            curve: Cow::Borrowed("Ed25519"),
            x: Cow::Borrowed(x),
            secret: None,
        };
        let key: VerifyingKey<Ed25519> = (&jwk).try_into().map_err(|_| UnusableKey::Material)?;
        key.validate().map_err(|_| UnusableKey::Material)?;
        Ok(Self::Ed25519(key))
    }
}

fn elliptic<'a>(curve: &'a str, x: &'a [u8], y: &'a [u8]) -> JsonWebKey<'a> {
    JsonWebKey::EllipticCurve {
        curve: Cow::Borrowed(curve),
        x: Cow::Borrowed(x),
        y: Cow::Borrowed(y),
        secret: None,
    }
}
