//! Logout tokens (OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6): the provider says,
//! unasked, that a person's session there has ended.
//!
//! The library knows nothing of them. Anybody can send one, so what costs nothing is judged before
//! the signature; what passes is believed only after it.

mod replays;

use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::is_type;

use super::settings::Party;
use super::signed::{LEEWAY, MAX_AGE, Signed, SignedError};

pub(super) use replays::Replays;

/// The member of `events` that makes a token a logout token.
pub(super) const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token that was judged genuine: whose sessions have to end.
#[derive(Clone, Debug)]
pub(crate) struct LogoutToken {
    /// The person; all of their sessions from this provider, where `sid` is not there.
    pub(crate) sub: Option<String>,
    /// The provider's name for the one session.
    pub(crate) sid: Option<String>,
    /// The token's own name.
    pub(crate) jti: String,
    /// Until when the token could be shown again, and `jti` has to be remembered.
    pub(crate) good_until: Timestamp,
    /// Whether it was shown, and acted on, before.
    pub(crate) is_replay: bool,
}

/// Why a logout token is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LogoutTokenError {
    /// It does not say that it is one.
    #[error("`events` has no object `{LOGOUT_EVENT}`")]
    Event,
    /// It has a nonce, as only ID tokens have.
    #[error("it has a `nonce`, which tells ID tokens from logout tokens")]
    Nonce,
    /// It says neither which session nor which person.
    #[error("neither `sub` nor `sid` is there")]
    Nobody,
    /// It is no good as a token of the provider's.
    #[error(transparent)]
    Signed(#[from] SignedError),
}

/// A logout token whose claims are in order, and whose signature nobody has looked at.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) signed: Signed,
    token: LogoutToken,
}

impl Claimed {
    /// Reads a logout token.
    pub(super) fn read(text: &str) -> Result<Signed, LogoutTokenError> {
        Ok(Signed::read(text, is_logout_token_type)?)
    }

    /// Judges its claims.
    pub(super) fn judge(
        signed: Signed,
        party: &Party,
        now: Timestamp,
    ) -> Result<Self, LogoutTokenError> {
        if signed.text("iss")? != Some(party.issuer.as_str()) {
            return Err(SignedError::Issuer.into());
        }
        signed.check_audience(&party.client_id)?;
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
            return Err(LogoutTokenError::Nobody);
        }
        let made = signed.check_made(now)?;
        let mut good_until = made.after(MAX_AGE);
        if let Some(end) = signed.date("exp")? {
            let end = end.after(LEEWAY);
            if now >= end {
                return Err(SignedError::Expired.into());
            }
            good_until = good_until.min(end);
        }
        let jti = signed
            .text("jti")?
            .ok_or(SignedError::Claim("jti"))?
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

    /// The token, once its signature was found good.
    pub(super) fn believed(self) -> LogoutToken {
        self.token
    }
}

/// Whether a logout token may call itself this; older providers say `JWT`, or nothing.
fn is_logout_token_type(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| is_type(typ, "logout+jwt") || is_type(typ, "jwt"))
}
