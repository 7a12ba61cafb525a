//! Is an ID token genuine, fresh and ours? (OpenID Connect Core, sections 3.1.3.7 and 12.2)
//!
//! The library judges issuer, audience, expiry, nonce and signature. What it leaves to others is
//! judged here:
//! - it takes base64url with more than one spelling, members that stand twice where it doesn't look,
//!   `b64`, a `crit` of null, RSA keys of any size, Ed25519 keys of small order, and keys that
//!   `key_ops` says are for something else: [`Signed`] and core's key set refuse them;
//! - it gives up where several keys fit: it is handed the one key that core found;
//! - it looks neither at `nbf`, `azp` and the age of `iat`, nor at whether `sub` names anybody;
//! - it checks `at_hash` and `c_hash` only when asked, and its words name what was refused.

#[cfg(test)]
mod tests;

use std::time::{Duration, UNIX_EPOCH};

use openidconnect::core::{CoreIdTokenVerifier, CoreJsonWebKey};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, AuthorizationCodeHash,
    ClaimsVerificationError, JsonWebKeySet, Nonce,
};
use portcullis_core::json::Json;
use portcullis_core::keys::Key;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::is_type;

use super::known::Facts;
use super::logout_token::LOGOUT_EVENT;
use super::secret::Secret;
use super::settings::Party;
use super::signed::{LEEWAY, Signed, SignedError};
use super::token_endpoint::IdTokenText;

/// An ID token that was judged genuine. Only [`verify`] hands one out.
pub(super) struct IdToken {
    signed: Signed,
    subject: String,
    expires_at: Timestamp,
}

/// What an ID token has to fit besides the provider's settings.
pub(super) struct Occasion<'a> {
    /// The nonce that was sent when the person signed in.
    pub(super) nonce: &'a Secret,
    /// Whether the nonce may be left out, as after a refresh.
    pub(super) nonce_may_lack: bool,
    /// The access token that came with it.
    pub(super) access_token: &'a AccessToken,
    /// The code that it was bought with.
    pub(super) code: Option<&'a Secret>,
}

/// Judges an ID token that came straight from the provider. The library comes last, because it
/// can't say what is missing, and its words quote the token.
pub(super) fn verify(
    token: &IdTokenText,
    party: &Party,
    facts: &Facts,
    occasion: &Occasion<'_>,
    now: Timestamp,
) -> Result<IdToken, SignedError> {
    let signed = Signed::read(token.text().expose(), is_id_token_type)?;
    let key = signed.signed_by(&facts.keys, &facts.metadata.algorithms)?;
    let judged = judge(signed, party, now)?;
    by_library(token, party, key, occasion, now)?;
    Ok(judged)
}

/// What the library leaves to others, and what it can't name.
fn judge(signed: Signed, party: &Party, now: Timestamp) -> Result<IdToken, SignedError> {
    for name in ["iss", "nonce", "azp", "at_hash", "c_hash"] {
        signed.text(name)?;
    }
    signed.check_audience(&party.client_id)?;
    let azp = signed.text("azp")?;
    if azp.is_some_and(|azp| azp != party.client_id.as_str()) {
        return Err(SignedError::AuthorizedParty);
    }
    let subject = signed.subject()?.ok_or(SignedError::Claim("sub"))?;
    let subject = subject.to_owned();
    let expires_at = signed.date("exp")?.ok_or(SignedError::Claim("exp"))?;
    signed.check_made(now)?;
    let events = signed.claims().member("events");
    if events.is_some_and(|events| events.member(LOGOUT_EVENT).is_some()) {
        return Err(SignedError::Type);
    }
    Ok(IdToken {
        subject,
        expires_at,
        signed,
    })
}

/// The library's judgement, with the one key that is left to it.
fn by_library(
    token: &IdTokenText,
    party: &Party,
    key: &Key,
    occasion: &Occasion<'_>,
    now: Timestamp,
) -> Result<(), SignedError> {
    let token = token.library().ok_or(SignedError::Library)?;
    let jwk: CoreJsonWebKey =
        serde_json::from_str(&key.to_jwk()).map_err(|_| SignedError::Library)?;
    let algorithm = token.signing_alg().map_err(|_| SignedError::Algorithm)?;
    let clock = UNIX_EPOCH + Duration::from_millis(now.before(LEEWAY).millis());
    // Without a secret the library lets no symmetric algorithm pass.
    let verifier = CoreIdTokenVerifier::new_public_client(
        party.client_id.clone(),
        party.issuer.clone(),
        JsonWebKeySet::new(vec![jwk.clone()]),
    )
    .set_allowed_algs([algorithm.clone()])
    .set_time_fn(move || clock.into());
    let nonce = |nonce: Option<&Nonce>| match nonce {
        Some(nonce) if occasion.nonce.is(nonce.secret()) => Ok(()),
        None if occasion.nonce_may_lack => Ok(()),
        Some(_) | None => Err(String::new()),
    };
    let claims = token.claims(&verifier, nonce).map_err(of_library)?;

    if let Some(hash) = claims.access_token_hash() {
        let made = AccessTokenHash::from_token(occasion.access_token, algorithm, &jwk);
        if made.ok().as_ref() != Some(hash) {
            return Err(SignedError::Hash("at_hash"));
        }
    }
    if let (Some(hash), Some(code)) = (claims.code_hash(), occasion.code) {
        let code = AuthorizationCode::new(code.expose().to_owned());
        let made = AuthorizationCodeHash::from_code(&code, algorithm, &jwk);
        if made.ok().as_ref() != Some(hash) {
            return Err(SignedError::Hash("c_hash"));
        }
    }
    Ok(())
}

impl IdToken {
    /// Whom it speaks of.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Until when it is good.
    pub(super) const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// All that it claims.
    pub(super) const fn claims(&self) -> &Json {
        self.signed.claims()
    }

    /// The provider's name for the session (OpenID Connect Front- and Back-Channel Logout).
    pub(super) fn sid(&self) -> Option<&str> {
        self.claims()
            .member("sid")
            .and_then(Json::as_str)
            .filter(|sid| !sid.is_empty())
    }

    /// Whether it names us as the party that asked.
    pub(super) fn names_authorized_party(&self) -> bool {
        self.claims().member("azp").is_some()
    }

    /// When the person proved to the provider who they are, in seconds.
    pub(super) fn auth_time(&self) -> Option<u64> {
        let moment = self.signed.date("auth_time").ok().flatten();
        moment.map(Timestamp::secs)
    }
}

/// Whether an ID token may call itself this.
fn is_id_token_type(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| is_type(typ, "jwt"))
}

/// What the library says was wrong. Its own words quote the token.
fn of_library(error: ClaimsVerificationError) -> SignedError {
    match error {
        ClaimsVerificationError::Expired(_) => SignedError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => SignedError::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => SignedError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => SignedError::Nonce,
        ClaimsVerificationError::InvalidSubject(_) => SignedError::Subject,
        ClaimsVerificationError::SignatureVerification(_) => SignedError::Signature,
        _ => SignedError::Library,
    }
}
