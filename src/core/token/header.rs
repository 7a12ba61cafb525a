//! The header of a token, by RFC 7515 section 4.

#[cfg(test)]
mod tests;

use super::{Algorithm, TokenError};
use crate::json::Json;

/// How long a `kid` may be: the most that Kubernetes allows an external signer.
const MAX_KID: usize = 1024;

/// The kinds of token that may be shown as a bearer (RFC 8725 section 3.11), in lower case.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// What a token's header says of how it was signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
}

impl Header {
    pub(super) fn read(json: &Json) -> Result<Self, TokenError> {
        // What `crit` lists must be understood, and nothing that it could list is; an empty or
        // misshapen list is no better. `b64` would change what the signature covers.
        if json.member("crit").is_some() || json.member("b64").is_some() {
            return Err(TokenError::Critical);
        }
        if json.member("cty").is_some() {
            return Err(TokenError::Nested);
        }
        match json.member("typ") {
            None => {}
            Some(Json::String(typ)) if is_bearer(typ) => {}
            Some(Json::String(_)) => return Err(TokenError::Type),
            Some(_) => return Err(TokenError::HeaderParameter("typ")),
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
        Ok(Self { algorithm, kid })
    }

    /// The algorithm that it claims to be signed with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key that it claims to be signed with: opaque, and at most 1,024 bytes.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

/// Media types are case-insensitive, and `application/` may be left out (RFC 7515 section 4.1.9).
fn is_bearer(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    TYPES.contains(&typ.strip_prefix("application/").unwrap_or(&typ))
}
