//! JSON Web Tokens by RFC 7515, 7519 and 8725, parsed strictly and verified.
//!
//! [`Token::parse`] parses a token, and [`verify`] checks it. Of the header only the algorithm, the
//! key id and the type are used: `jku`, `x5u`, `x5c` and `jwk` would let a token choose the key
//! that verifies it.

mod claims;
mod error;
mod header;
mod jws;
mod numeric_date;
#[cfg(test)]
mod tests;
mod verify;

pub use crate::jwk::Algorithm;
pub use claims::Claims;
pub use error::{Part, TokenError};
pub use header::{Header, is_bearer_type, is_type};
pub use jws::Jws;
pub(crate) use jws::unverified_parts;
pub use numeric_date::read as numeric_date;
pub(crate) use verify::verify_but_for_time;
pub use verify::{Verified, verify};

use std::fmt;
use std::sync::Arc;

/// A JSON Web Token in the compact form, well-formed and not yet verified.
#[derive(Clone)]
pub struct Token {
    header: Header,
    claims: Claims,
    /// The whole text, shared with the token cache.
    text: Arc<str>,
    /// The length of the signing input in bytes.
    signed: usize,
    signature: Vec<u8>,
}

impl Token {
    /// The longest text that is parsed at all, in bytes. A policy usually sets a lower bound, which
    /// the calling code applies first.
    pub const MAX_BYTES: usize = Jws::MAX_BYTES;

    /// Reads the compact form of a bearer token: see [`Token::parse_as`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        Self::parse_as(text, is_bearer_type)
    }

    /// Parses a token whose `typ` must pass `accepts`: see [`Jws::parse`].
    pub fn parse_as(text: &str, accepts: fn(Option<&str>) -> bool) -> Result<Self, TokenError> {
        let jws = Jws::parse(text, accepts)?;
        Ok(Self {
            claims: Claims::read(jws.payload)?,
            header: jws.header,
            text: jws.text,
            signed: jws.signed,
            signature: jws.signature,
        })
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The claims, which must not be trusted before [`verify`] has checked the token.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The signing input: the first two parts, unchanged, and the dot between them.
    pub fn signing_input(&self) -> &[u8] {
        self.text.as_bytes().get(..self.signed).unwrap_or_default()
    }

    /// The text as a whole. It is a credential.
    pub(crate) const fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The signature, decoded.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for Token {
    /// Shows the header only: the rest could be used as a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
