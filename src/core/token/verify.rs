//! The one function that verifies tokens.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Claims, Token, TokenError};
use crate::jwk::{Key, Signatures, Thumbprint};
use crate::timestamp::Timestamp;
use crate::trust::Trust;

/// The proof that a token was verified: only [`verify`] can build one, and all code that acts on a
/// token's claims requires it.
#[derive(Clone, Debug)]
pub struct Verified {
    token: Arc<Token>,
    trust_name: String,
    kid: Option<String>,
    key_thumbprint: Thumbprint,
}

/// Verifies a token with `key`, one of the keys of `trust`, and by the settings of `trust`.
///
/// The signature is checked first, before any claim; then issuer, subject and audience. The times
/// are checked last, so that `Expired` is always about a token that was valid once.
pub fn verify(
    token: &Arc<Token>,
    trust: &Trust,
    key: &Key,
    signatures: &dyn Signatures,
    now: Timestamp,
) -> Result<Verified, TokenError> {
    let verified = verify_but_for_time(token, trust, key, signatures)?;
    verified.check_times(trust, now)?;
    Ok(verified)
}

/// The same as [`verify`], except for the times, which the calling code checks by its own rules.
pub(crate) fn verify_but_for_time(
    token: &Arc<Token>,
    trust: &Trust,
    key: &Key,
    signatures: &dyn Signatures,
) -> Result<Verified, TokenError> {
    let claims = token.claims();
    if token.header().algorithm() != key.algorithm() || !signatures.supports(key.algorithm()) {
        return Err(TokenError::AlgorithmMismatch);
    }
    if !signatures.verifies(key, token.signing_input(), token.signature()) {
        return Err(TokenError::SignatureInvalid);
    }
    // The trust entry was chosen by the unverified issuer, which is checked now.
    if !trust.accepts_issuer(claims.issuer()) {
        return Err(TokenError::IssuerMismatch);
    }
    if claims.subject().is_empty() || claims.subject().chars().any(char::is_control) {
        return Err(TokenError::Subject);
    }
    if !claims.is_for(&trust.audiences) {
        return Err(TokenError::AudienceMismatch);
    }
    // A security event token (RFC 8417), such as a logout token whose `typ` is missing.
    if claims.body().member("events").is_some() {
        return Err(TokenError::Type);
    }
    if claims.is_bound() {
        return Err(TokenError::Bound);
    }
    Ok(Verified {
        token: Arc::clone(token),
        trust_name: trust.name.clone(),
        kid: key.kid().map(str::to_owned),
        key_thumbprint: key.thumbprint(),
    })
}

impl Verified {
    /// The token.
    pub(crate) const fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// The verified claims.
    pub fn claims(&self) -> &Claims {
        self.token.claims()
    }

    /// The name of the trust entry.
    pub fn trust_name(&self) -> &str {
        &self.trust_name
    }

    /// The `kid` of the key that signed the token, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The thumbprint of the key that signed the token.
    pub const fn key_thumbprint(&self) -> Thumbprint {
        self.key_thumbprint
    }

    /// Whether the token is valid now, for the token cache.
    pub fn check_times(&self, trust: &Trust, now: Timestamp) -> Result<(), TokenError> {
        self.claims()
            .check_times(now, trust.leeway, trust.max_lifetime)
    }

    /// What identifies the token: its `jti` or, where it has none, its signed part.
    pub fn token_id(&self) -> &[u8] {
        self.claims()
            .id()
            .map_or_else(|| self.token.signing_input(), str::as_bytes)
    }

    /// Whether the token is also for one of these audiences, which an app requires in addition to
    /// those of the trust entry.
    pub fn is_for(&self, audiences: &[String]) -> bool {
        self.claims().is_for(audiences)
    }
}
