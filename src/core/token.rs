//! Is a bearer token genuine? JSON Web Tokens by RFC 7515, 7519 and 8725, read strictly.
//!
//! [`Token::parse`] says what a text claims, [`verify`] whether it is true. Of the header only what
//! names the algorithm, the key and the kind of token is ever looked at: `jku`, `x5u`, `x5c` and
//! `jwk` would let a token choose the key that judges it.

mod algorithm;
mod claims;
mod error;
mod header;
mod numeric_date;
#[cfg(test)]
mod tests;
mod verify;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use error::{Part, TokenError};
pub use header::Header;
pub use verify::{Verified, verify};

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::Json;

/// A JSON Web Token in the compact form, well-formed, and not yet believed in anything.
#[derive(Clone)]
pub struct Token {
    header: Header,
    claims: Claims,
    /// The whole text, which whoever remembers tokens by it shares.
    text: Arc<str>,
    /// How much of the text was signed, in bytes.
    signed: usize,
    signature: Vec<u8>,
}

impl Token {
    /// How long a text may be at all, in bytes. A policy usually sets a lower bound, which is the
    /// caller's to apply first.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Reads the compact form (RFC 7515 section 3.1): three parts of strict base64url, of which
    /// header and payload are JSON objects.
    ///
    /// Each token has one spelling: padding, white space and unused bits that are set are refused,
    /// because two spellings of one token would escape whatever remembers tokens by their text.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() > Self::MAX_BYTES {
            return Err(TokenError::TooLarge);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = signing_input
            .split_once('.')
            .ok_or(TokenError::NotCompact)?;
        if payload.contains('.') {
            return Err(TokenError::NotCompact);
        }
        let header = Header::read(&object(header, Part::Header)?)?;
        let claims = Claims::read(object(payload, Part::Payload)?)?;
        Ok(Self {
            header,
            claims,
            text: text.into(),
            signed: signing_input.len(),
            signature: bytes(signature, Part::Signature)?,
        })
    }

    /// What the header says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the payload claims, which is worth nothing until [`verify`] has judged it.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What was signed: the first two parts as they stand, and the dot between them.
    pub fn signing_input(&self) -> &[u8] {
        self.text.as_bytes().get(..self.signed).unwrap_or_default()
    }

    /// The text as a whole. It is a secret: whoever has it is believed to be the caller.
    pub(crate) const fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The signature, decoded.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for Token {
    /// Says which token it is and leaves out what would let somebody use it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

fn object(text: &str, part: Part) -> Result<Json, TokenError> {
    let json = Json::parse(&bytes(text, part)?).map_err(|_| TokenError::Json(part))?;
    if json.as_object().is_none() {
        return Err(TokenError::Json(part));
    }
    Ok(json)
}

fn bytes(text: &str, part: Part) -> Result<Vec<u8>, TokenError> {
    if text.is_empty() {
        return Err(TokenError::NotCompact);
    }
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| TokenError::Encoding(part))
}
