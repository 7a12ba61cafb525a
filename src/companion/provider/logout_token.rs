//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6), by which the
//! provider ends sessions.
//!
//! The library does not support them. Anybody can send one, so the cheap checks come before the
//! signature.

mod replay_cache;

use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::is_type;

use super::settings::RelyingParty;
use super::signed_jwt::{JwtError, LEEWAY, MAX_AGE, SignedJwt};

pub(super) use replay_cache::ReplayCache;

/// The member of `events` that makes a token a logout token.
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A verified logout token: which sessions must end.
#[derive(Clone, Debug)]
pub(crate) struct LogoutToken {
    /// The user. Without `sid`, all of their sessions from this provider end.
    pub(crate) sub: Option<String>,
    /// The session at the provider.
    pub(crate) sid: Option<String>,
    /// The id of the token.
    pub(crate) jti: String,
    /// Until when the token could be replayed, and `jti` must be remembered.
    pub(crate) good_until: Timestamp,
    /// Whether it was used before.
    pub(crate) is_replay: bool,
}

/// Why a logout token is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LogoutTokenError {
    /// It has no logout event.
    #[error("`events` has no object `{LOGOUT_EVENT}`")]
    Event,
    /// It has a nonce.
    #[error("`nonce` is present, which only ID tokens have")]
    Nonce,
    /// It names neither a session nor a user.
    #[error("neither `sub` nor `sid` is present")]
    NoSubject,
    /// It is not a valid token of this provider.
    #[error(transparent)]
    Jwt(#[from] JwtError),
}

/// A logout token with valid claims, whose signature is not verified yet.
#[derive(Debug)]
pub(super) struct UnverifiedLogoutToken {
    pub(super) signed: SignedJwt,
    token: LogoutToken,
}

impl UnverifiedLogoutToken {
    /// Parses a logout token.
    pub(super) fn read(text: &str) -> Result<SignedJwt, LogoutTokenError> {
        Ok(SignedJwt::read(text, is_logout_token_type)?)
    }

    /// Checks its claims.
    pub(super) fn check(
        signed: SignedJwt,
        relying_party: &RelyingParty,
        now: Timestamp,
    ) -> Result<Self, LogoutTokenError> {
        // `tid` is a claim of ID tokens.
        let iss = signed.text("iss")?;
        if !iss.is_some_and(|iss| relying_party.issuer.accepts(iss)) {
            return Err(JwtError::Issuer.into());
        }
        // `azp` is a claim of ID tokens.
        signed.check_audience(relying_party)?;
        let event = signed
            .claims()
            .member("events")
            .and_then(|events| events.member(LOGOUT_EVENT));
        if event.and_then(Json::as_object).is_none() {
            return Err(LogoutTokenError::Event);
        }
        if signed.claims().member("nonce").is_some() {
            return Err(LogoutTokenError::Nonce);
        }
        let sub = signed.subject()?.map(str::to_owned);
        let sid = signed.text("sid")?.map(str::to_owned);
        if sub.is_none() && sid.is_none() {
            return Err(LogoutTokenError::NoSubject);
        }
        let issued_at = signed.check_issued_at(now)?;
        let mut good_until = issued_at.after(MAX_AGE);
        if let Some(end) = signed.date("exp")? {
            let end = end.after(LEEWAY);
            if now >= end {
                return Err(JwtError::Expired.into());
            }
            good_until = good_until.min(end);
        }
        let jti = signed
            .text("jti")?
            .ok_or(JwtError::Claim("jti"))?
            .to_owned();
        let token = LogoutToken {
            sub,
            sid,
            jti,
            good_until,
            is_replay: false,
        };
        Ok(Self { signed, token })
    }

    /// The token, once its signature is verified.
    pub(super) fn into_verified(self) -> LogoutToken {
        self.token
    }
}

/// Whether a logout token may have this `typ`. Older providers use `JWT`, or none.
fn is_logout_token_type(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| is_type(typ, "logout+jwt") || is_type(typ, "jwt"))
}
