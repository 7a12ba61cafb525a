//! JSON Web Signatures (RFC 7515), the common part of all kinds of signed tokens.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Header, Part, TokenError};
use crate::json::Json;
use crate::jwk::{Key, Signatures};

/// A JSON Web Signature in the compact form, its payload a JSON object, not yet verified. Which claims
/// it needs depends on the kind of token.
#[derive(Clone)]
pub struct Jws {
    pub(super) header: Header,
    pub(super) payload: Json,
    /// The whole text, shared with the token cache.
    pub(super) text: Arc<str>,
    /// The length of the signing input in bytes.
    pub(super) signed: usize,
    pub(super) signature: Vec<u8>,
}

impl Jws {
    /// The longest text that is parsed at all, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Reads the compact form (RFC 7515 section 3.1): three parts of strict base64url, of which
    /// header and payload are JSON objects. `typ` must pass `accepts`, so that no kind of token can
    /// be used as another (RFC 8725 section 3.12).
    ///
    /// Each token has one spelling: padding, white space and unused bits that are set are refused,
    /// because two spellings of one token would evade caches and revocations by its text.
    pub fn parse(text: &str, accepts: fn(Option<&str>) -> bool) -> Result<Self, TokenError> {
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
        Ok(Self {
            header: Header::read(&object(header, Part::Header)?, accepts)?,
            payload: object(payload, Part::Payload)?,
            text: text.into(),
            signed: signing_input.len(),
            signature: bytes(signature, Part::Signature)?,
        })
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, which must not be trusted before [`Jws::is_signed_by`] has checked the
    /// signature.
    pub const fn payload(&self) -> &Json {
        &self.payload
    }

    /// Whether `key` signed it, with the key's algorithm.
    pub fn is_signed_by(&self, key: &Key, signatures: &dyn Signatures) -> bool {
        let signed = self.text.as_bytes().get(..self.signed).unwrap_or_default();
        self.header.algorithm() == key.algorithm()
            && signatures.verifies(key, signed, &self.signature)
    }
}

impl fmt::Debug for Jws {
    /// Shows the header only: the rest could be used as a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Header and payload of a token that is invalid or not verified, if they are JSON objects. They must not be
/// trusted: they say what the token claims, and whose it claims to be.
pub(crate) fn unverified_parts(text: &str) -> (Option<Json>, Option<Json>) {
    let bounded = text.get(..Jws::MAX_BYTES).unwrap_or(text);
    let mut parts = bounded.split('.');
    let mut next = |part| parts.next().and_then(|text| object(text, part).ok());
    (next(Part::Header), next(Part::Payload))
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
