//! Parses one JSON Web Key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key::{Key, MAX_KID};
use super::material::Material;
use super::{Algorithm, spki};
use crate::json::Json;

/// Members that only a private or a symmetric key has (RFC 7518 section 6, RFC 8037 section 2).
const PRIVATE: [&str; 8] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

/// Why a listed key can't be used here. Reads as the end of "the key …".
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// `alg` is not an accepted algorithm, not one of its type, or not configured.
    #[error("is not for an accepted algorithm")]
    Algorithm,
    /// `kid` is not a string, or longer than 1,024 bytes.
    #[error("has a `kid` that is not a string of at most {MAX_KID} bytes")]
    KeyId,
    /// `kty` and `crv` are not a supported type of key.
    #[error("has an unsupported type or curve")]
    Kind,
    /// It is not an object, or a member that its type requires is missing or not strict base64url.
    #[error("lacks a member that its type requires, or has an invalid one")]
    Malformed,
    /// Its numbers are not a safe key.
    #[error("has parameters that are not safe for its type")]
    Material,
    /// It is a private or symmetric key, which must not be published.
    #[error("is a private or symmetric key, which should never be published")]
    Private,
    /// `use` or `key_ops` exclude the verification of signatures.
    #[error("is not for verifying signatures, according to `use` or `key_ops`")]
    Purpose,
}

impl Key {
    pub(super) fn from_jwk(jwk: &Json, allowed: Option<&[Algorithm]>) -> Result<Self, UnusableKey> {
        let kty = text(jwk, "kty")?;
        if kty == "oct" || PRIVATE.iter().any(|name| jwk.member(name).is_some()) {
            return Err(UnusableKey::Private);
        }
        if !is_for_verifying(jwk) {
            return Err(UnusableKey::Purpose);
        }
        let kid = match jwk.member("kid") {
            None => None,
            Some(Json::String(kid)) if kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err(UnusableKey::KeyId),
        };
        let curve = jwk.member("crv").and_then(Json::as_str);
        let fitting: &[Algorithm] = match (kty, curve) {
            ("RSA", _) => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            ("EC", Some("P-256")) => &[Algorithm::Es256],
            ("EC", Some("P-384")) => &[Algorithm::Es384],
            ("OKP", Some("Ed25519")) => &[Algorithm::EdDsa],
            _ => return Err(UnusableKey::Kind),
        };
        let algorithm = choose(jwk.member("alg"), fitting, allowed)?;

        let (members, spki, material) = if kty == "RSA" {
            let n = integer(jwk, "n")?;
            let e = integer(jwk, "e")?;
            let material = Material::rsa(&n, &e)?;
            let members = format!(
                r#""e":"{}","kty":"RSA","n":"{}""#,
                URL_SAFE_NO_PAD.encode(&e),
                URL_SAFE_NO_PAD.encode(&n)
            );
            (members, spki::rsa(&n, &e), material)
        } else if kty == "EC" {
            let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
            let (crv, spki, material) = if algorithm == Algorithm::Es256 {
                ("P-256", spki::p256(&x, &y), Material::p256(&x, &y)?)
            } else {
                ("P-384", spki::p384(&x, &y), Material::p384(&x, &y)?)
            };
            let members = format!(
                r#""crv":"{crv}","kty":"EC","x":"{}","y":"{}""#,
                URL_SAFE_NO_PAD.encode(&x),
                URL_SAFE_NO_PAD.encode(&y)
            );
            (members, spki, material)
        } else {
            let x = bytes(jwk, "x")?;
            let members = format!(
                r#""crv":"Ed25519","kty":"OKP","x":"{}""#,
                URL_SAFE_NO_PAD.encode(&x)
            );
            (members, spki::ed25519(&x), Material::ed25519(&x)?)
        };
        Ok(Self::new(kid, algorithm, members, spki, material))
    }
}

/// The only algorithm of a key (RFC 8725 section 3.1): its `alg`, or else the first configured one
/// for its type, or else the first one for its type.
fn choose(
    named: Option<&Json>,
    fitting: &[Algorithm],
    allowed: Option<&[Algorithm]>,
) -> Result<Algorithm, UnusableKey> {
    let algorithm = match (named, allowed) {
        (Some(named), _) => named.as_str().and_then(Algorithm::from_name),
        (None, Some(allowed)) => allowed.iter().find(|one| fitting.contains(one)).copied(),
        (None, None) => fitting.first().copied(),
    };
    algorithm
        .filter(|one| fitting.contains(one) && allowed.is_none_or(|allowed| allowed.contains(one)))
        .ok_or(UnusableKey::Algorithm)
}

/// Whether `use` and `key_ops`, if present, allow the verification of signatures.
fn is_for_verifying(jwk: &Json) -> bool {
    let used_so = |used: &Json| used.as_str() == Some("sig");
    let may_verify = |operations: &Json| {
        operations
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one.as_str() == Some("verify")))
    };
    jwk.member("use").is_none_or(used_so) && jwk.member("key_ops").is_none_or(may_verify)
}

fn text<'a>(jwk: &'a Json, name: &str) -> Result<&'a str, UnusableKey> {
    jwk.member(name)
        .and_then(Json::as_str)
        .ok_or(UnusableKey::Malformed)
}

fn bytes(jwk: &Json, name: &str) -> Result<Vec<u8>, UnusableKey> {
    URL_SAFE_NO_PAD
        .decode(text(jwk, name)?)
        .map_err(|_| UnusableKey::Malformed)
}

/// An unsigned integer, big-endian. Leading zeros, which RFC 7518 section 2 forbids and some issuers
/// write, are dropped.
fn integer(jwk: &Json, name: &str) -> Result<Vec<u8>, UnusableKey> {
    let bytes = bytes(jwk, name)?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

#[cfg(test)]
mod tests;
