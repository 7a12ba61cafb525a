//! The caller of a verified token.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Caller;
use crate::session::{Claims, Id, SessionHandles};
use crate::timestamp::Timestamp;
use crate::token::{Token, TokenError, Verified};
use crate::trust::Trust;

/// A caller with the token that proves it, and what follows from the two alone: it is computed once
/// and cached with the token; the token's id only when it is first needed.
#[derive(Clone, Debug)]
pub struct AuthenticatedCaller {
    verified: Verified,
    caller: Caller,
    name: String,
    headers: Vec<(&'static str, String)>,
    token_id: OnceLock<String>,
    session: Option<SessionHandles>,
}

impl AuthenticatedCaller {
    /// The caller of a bearer token.
    pub(crate) fn new(verified: Verified, trust: &Trust) -> Result<Self, TokenError> {
        let caller = Caller::of(&verified, trust)?;
        Ok(Self::build(verified, caller, None, 0))
    }

    /// The user of a session token. Its provider must be one of these.
    pub(crate) fn of_session(verified: Verified, providers: &[String]) -> Result<Self, TokenError> {
        let claims = Claims::read(verified.claims())?;
        if !providers.contains(&claims.provider) {
            return Err(TokenError::ProviderUnknown);
        }
        let handles = claims.handles;
        let caller = Caller::of_session(claims, Arc::clone(verified.claims().body()));
        Ok(Self::build(
            verified,
            caller,
            Some(handles),
            providers.len(),
        ))
    }

    fn build(
        verified: Verified,
        caller: Caller,
        session: Option<SessionHandles>,
        providers: usize,
    ) -> Self {
        Self {
            name: caller.name(),
            headers: caller.identity_headers(providers),
            token_id: OnceLock::new(),
            session,
            caller,
            verified,
        }
    }

    /// Whether `aud` has one of these audiences.
    pub fn is_for(&self, audiences: &[String]) -> bool {
        self.verified.is_for(audiences)
    }

    /// The audiences of the token.
    pub fn audiences(&self) -> &[String] {
        self.verified.claims().audiences()
    }

    /// The caller that rules match on.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The caller's name.
    pub fn caller_name(&self) -> &str {
        &self.name
    }

    /// The identity headers for apps.
    pub fn identity_headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The trust entry or provider that authenticated the caller.
    pub fn trust(&self) -> &str {
        &self.caller.from
    }

    /// The ID of the key that verified the token.
    pub fn kid(&self) -> Option<&str> {
        self.verified.kid()
    }

    /// The token's id in audit records, which can't be used as a credential: a part of the
    /// SHA-256 of its `jti` or, where it has none, of its signed part. All tokens of a session have
    /// the same.
    pub fn token_id(&self) -> &str {
        self.token_id.get_or_init(|| {
            token_id(match &self.session {
                Some(handles) => handles.sid.as_bytes(),
                None => self.verified.token_id(),
            })
        })
    }

    /// The handles by which the session can be revoked, if the caller is a user with a session.
    pub const fn session(&self) -> Option<&SessionHandles> {
        self.session.as_ref()
    }

    /// When the token expires.
    pub fn expires_at(&self) -> Timestamp {
        self.verified.claims().expires_at()
    }

    /// The token.
    pub(crate) const fn token(&self) -> &Arc<Token> {
        self.verified.token()
    }

    /// The proof that the token was verified.
    pub(crate) const fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// The id of a session's tokens in audit records, see [`AuthenticatedCaller::token_id`].
pub fn session_token_id(sid: Id) -> String {
    token_id(sid.as_bytes())
}

fn token_id(of: &[u8]) -> String {
    let id = Sha256::digest(of);
    URL_SAFE_NO_PAD.encode(id.get(..16).unwrap_or_default())
}
