//! JSON Web Keys and sets of them, by RFC 7517.

use crate::json::Json;
use crate::token::Algorithm;

/// The SHA-256 thumbprint of a key, by RFC 7638.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Thumbprint([u8; 32]);

/// A public key that is fit to verify signatures, for exactly one algorithm.
#[derive(Clone, Debug)]
pub struct Key {}

/// A key set: at least one usable key.
#[derive(Clone, Debug)]
pub struct KeySet {}

/// Why an answer is not a usable key set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeySetError {
    /// It is not JSON, or not of the form of a set.
    #[error("not a JSON Web Key Set")]
    Malformed,
}

impl KeySet {
    /// Reads a set from JSON.
    pub fn from_json(_json: &Json, _algorithms: Option<&[Algorithm]>) -> Result<Self, KeySetError> {
        Err(KeySetError::Malformed)
    }
}

impl Thumbprint {
    /// Reads the base64url form.
    pub fn parse(_text: &str) -> Option<Self> {
        None
    }
}
