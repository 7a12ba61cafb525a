//! Public keys in the form of the crypto libraries, built once when a set is parsed.

use std::borrow::Cow;

use jwt_compact::Algorithm;
use jwt_compact::alg::{Ed25519, Es256, Rsa};
use jwt_compact::jwk::JsonWebKey;
use rsa::{BigUint, RsaPublicKey};

use super::UnusableKey;
#[cfg(feature = "es384")]
use super::signatures::Es384;

/// The allowed sizes of an RSA modulus in bits: less is unsafe, and more takes a worker too long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

type VerifyingKey<A> = <A as Algorithm>::VerifyingKey;

/// A public key in the form of the library that verifies with it. The RSA key is boxed because it
/// is much larger than the others.
#[derive(Clone)]
pub(super) enum Material {
    Ed25519(VerifyingKey<Ed25519>),
    P256(VerifyingKey<Es256>),
    /// Without the feature `es384` only the host verifies with it, in the form of a
    /// SubjectPublicKeyInfo.
    #[cfg(not(feature = "es384"))]
    P384,
    #[cfg(feature = "es384")]
    P384(VerifyingKey<Es384>),
    Rsa {
        key: Box<VerifyingKey<Rsa>>,
        /// The length of its signatures in bytes, equal to that of its modulus.
        signature_len: usize,
    },
}

impl Material {
    /// An RSA key from a modulus and an exponent without leading zeros. The library refuses an even
    /// modulus, and an exponent that is even, 1, or longer than 33 bits.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, UnusableKey> {
        let unused = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = n.len().saturating_mul(8).saturating_sub(unused);
        if !RSA_BITS.contains(&bits) {
            return Err(UnusableKey::Material);
        }
        // A `JsonWebKey` would link the error texts of all ASN.1 types, 10 KB of the module.
        let (n_number, e_number) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
        let key = RsaPublicKey::new(n_number, e_number).map_err(|_| UnusableKey::Material)?;
        Ok(Self::Rsa {
            key: Box::new(key),
            signature_len: n.len(),
        })
    }

    /// A point on P-256, both coordinates of full length.
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Result<Self, UnusableKey> {
        let key = (&elliptic("P-256", x, y)).try_into();
        key.map(Self::P256).map_err(|_| UnusableKey::Material)
    }

    /// A point on P-384, both coordinates of full length.
    #[cfg(feature = "es384")]
    pub(super) fn p384(x: &[u8], y: &[u8]) -> Result<Self, UnusableKey> {
        Es384::key(x, y)
            .map(Self::P384)
            .ok_or(UnusableKey::Material)
    }

    /// Coordinates of full length for P-384. The host checks that the point is on the curve, and
    /// otherwise refuses every signature.
    #[cfg(not(feature = "es384"))]
    pub(super) fn p384(x: &[u8], y: &[u8]) -> Result<Self, UnusableKey> {
        if x.len() == 48 && y.len() == 48 {
            Ok(Self::P384)
        } else {
            Err(UnusableKey::Material)
        }
    }

    /// A point on edwards25519 in canonical encoding and not of small order: for such a point,
    /// signatures can be forged without a private key.
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
