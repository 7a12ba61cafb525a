//! Whom a token speaks of, once it is verified.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Caller;
use crate::token::{TokenError, Verified};
use crate::trust::Trust;

/// A caller with the token that proves it, and all that follows from the two alone: it is worked
/// out once and remembered with the token; the token's id only where somebody asks for it.
#[derive(Clone, Debug)]
pub struct Known {
    verified: Verified,
    caller: Caller,
    name: String,
    headers: Vec<(&'static str, String)>,
    token_id: OnceLock<String>,
}

impl Known {
    /// Whom the token speaks of.
    pub(crate) fn new(verified: Verified, trust: &Trust) -> Result<Self, TokenError> {
        let caller = Caller::of(&verified, trust)?;
        Ok(Self {
            name: caller.name(),
            headers: caller.identity_headers(),
            token_id: OnceLock::new(),
            caller,
            verified,
        })
    }

    /// Whether the token was made for one of these audiences.
    pub fn is_for(&self, audiences: &[String]) -> bool {
        self.verified.is_for(audiences)
    }

    /// The caller, as rules see it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The caller's one name.
    pub fn caller_name(&self) -> &str {
        &self.name
    }

    /// The headers that tell an app who calls.
    pub fn identity_headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The trust entry that vouches.
    pub fn trust(&self) -> &str {
        &self.caller.from
    }

    /// The key id that the token names.
    pub fn kid(&self) -> Option<&str> {
        self.verified.kid()
    }

    /// What tells this token from others in an audit trail and is of no use to whoever reads it: a
    /// part of the SHA-256 of its `jti` or, where it has none, of its signed part.
    pub fn token_id(&self) -> &str {
        self.token_id.get_or_init(|| {
            let id = Sha256::digest(self.verified.token_id());
            URL_SAFE_NO_PAD.encode(id.get(..16).unwrap_or_default())
        })
    }

    /// The proof.
    pub(crate) const fn verified(&self) -> &Verified {
        &self.verified
    }
}
