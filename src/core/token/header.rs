//! The header of a token, by RFC 7515 section 4.

#[cfg(test)]
mod tests;

use super::TokenError;
use crate::json::Json;
use crate::jwk::{Algorithm, MAX_KID};

/// The header parameters of a token that are used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    /// Reads a header; `typ` must pass `accepts`.
    pub(super) fn read(json: &Json, accepts: fn(Option<&str>) -> bool) -> Result<Self, TokenError> {
        // `crit` lists extensions that must be supported, and none is; an empty or malformed list
        // is invalid too. `b64` changes the signing input.
        if json.member("crit").is_some() || json.member("b64").is_some() {
            return Err(TokenError::Critical);
        }
        if json.member("cty").is_some() {
            return Err(TokenError::Nested);
        }
        let typ = match json.member("typ") {
            None => None,
            Some(Json::String(typ)) => Some(typ.clone()),
            Some(_) => return Err(TokenError::HeaderParameter("typ")),
        };
        if !accepts(typ.as_deref()) {
            return Err(TokenError::Type);
        }
        let kid = match json.member("kid") {
            None => None,
            Some(Json::String(kid)) if kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err(TokenError::HeaderParameter("kid")),
        };
        let name = json
            .member("alg")
            .and_then(Json::as_str)
            .ok_or(TokenError::HeaderParameter("alg"))?;
        let algorithm = Algorithm::from_name(name).ok_or(TokenError::AlgorithmUnknown)?;
        Ok(Self {
            algorithm,
            kid,
            typ,
        })
    }

    /// `alg`: the algorithm that the token claims.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`: the key ID that the token claims. Opaque, at most 1,024 bytes.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `typ`: the type that the token claims, unchanged.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
}

/// Whether a token with this `typ` is accepted as a bearer token (RFC 8725 section 3.11).
pub fn is_bearer_type(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| is_type(typ, "jwt") || is_type(typ, "at+jwt"))
}

/// Whether `typ` equals `name`, which has no `application/`. Media types are case-insensitive, and
/// `application/` may be omitted (RFC 7515 section 4.1.9).
pub fn is_type(typ: &str, name: &str) -> bool {
    let bare = typ
        .split_at_checked("application/".len())
        .filter(|(start, _)| start.eq_ignore_ascii_case("application/"))
        .map_or(typ, |(_, bare)| bare);
    bare.eq_ignore_ascii_case(name)
}
