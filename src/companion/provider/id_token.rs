//! ID token validation (OpenID Connect Core 1.0 sections 3.1.3.7 and 12.2).
//!
//! The library checks issuer, audience, expiry, nonce and signature. The rest is checked here:
//! - it accepts base64url with more than one encoding, duplicate members in places it does not read,
//!   `b64`, a `crit` of null, RSA keys of any size, Ed25519 keys of small order, and keys that
//!   `key_ops` reserves for another use: [`SignedJwt`] and core's key set reject them;
//! - it fails where several keys fit: it gets the one key that core found;
//! - it does not check `nbf`, `azp`, the age of `iat`, or an empty `sub`;
//! - it checks `at_hash` and `c_hash` only on request, and its errors quote what was rejected.

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

use super::discovery::ProviderInfo;
use super::logout_token::LOGOUT_EVENT;
use super::secret::Secret;
use super::settings::RelyingParty;
use super::signed_jwt::{JwtError, LEEWAY, SignedJwt};
use super::token_endpoint::RawIdToken;

/// A verified ID token. Only [`verify`] makes one.
pub(super) struct IdToken {
    signed: SignedJwt,
    subject: String,
    expires_at: Timestamp,
}

/// What an ID token must match besides the provider's settings.
pub(super) struct IdTokenContext<'a> {
    /// The nonce of the authorization request.
    pub(super) nonce: &'a Secret,
    /// Whether the nonce may be missing, as after a refresh.
    pub(super) nonce_optional: bool,
    /// The access token that came with it.
    pub(super) access_token: &'a AccessToken,
    /// The authorization code that it was issued for.
    pub(super) code: Option<&'a Secret>,
}

/// Verifies an ID token from the token endpoint. The library comes last, because it can't say what
/// is missing, and its errors quote the token.
pub(super) fn verify(
    token: &RawIdToken,
    relying_party: &RelyingParty,
    info: &ProviderInfo,
    context: &IdTokenContext<'_>,
    now: Timestamp,
) -> Result<IdToken, JwtError> {
    let signed = SignedJwt::read(token.text().expose(), is_id_token_type)?;
    let key = signed.signed_by(&info.keys, &info.metadata.algorithms)?;
    let verified = check(signed, relying_party, now)?;
    check_by_library(token, relying_party, key, context, now)?;
    Ok(verified)
}

/// The checks that the library leaves out, and those whose errors it can't name.
fn check(
    signed: SignedJwt,
    relying_party: &RelyingParty,
    now: Timestamp,
) -> Result<IdToken, JwtError> {
    for name in ["iss", "nonce", "azp", "at_hash", "c_hash"] {
        signed.text(name)?;
    }
    signed.check_audience(&relying_party.client_id)?;
    let azp = signed.text("azp")?;
    if azp.is_some_and(|azp| azp != relying_party.client_id.as_str()) {
        return Err(JwtError::AuthorizedParty);
    }
    let subject = signed.subject()?.ok_or(JwtError::Claim("sub"))?;
    let subject = subject.to_owned();
    let expires_at = signed.date("exp")?.ok_or(JwtError::Claim("exp"))?;
    signed.check_issued_at(now)?;
    let events = signed.claims().member("events");
    if events.is_some_and(|events| events.member(LOGOUT_EVENT).is_some()) {
        return Err(JwtError::Type);
    }
    Ok(IdToken {
        subject,
        expires_at,
        signed,
    })
}

/// The library's checks, with the one key that fits.
fn check_by_library(
    token: &RawIdToken,
    relying_party: &RelyingParty,
    key: &Key,
    context: &IdTokenContext<'_>,
    now: Timestamp,
) -> Result<(), JwtError> {
    let token = token.library().ok_or(JwtError::Library)?;
    let jwk: CoreJsonWebKey = serde_json::from_str(&key.to_jwk()).map_err(|_| JwtError::Library)?;
    let algorithm = token.signing_alg().map_err(|_| JwtError::Algorithm)?;
    let clock = UNIX_EPOCH + Duration::from_millis(now.before(LEEWAY).millis());
    // Without a secret the library accepts no symmetric algorithm.
    let verifier = CoreIdTokenVerifier::new_public_client(
        relying_party.client_id.clone(),
        relying_party.issuer.clone(),
        JsonWebKeySet::new(vec![jwk.clone()]),
    )
    .set_allowed_algs([algorithm.clone()])
    .set_time_fn(move || clock.into());
    let nonce = |nonce: Option<&Nonce>| match nonce {
        Some(nonce) if context.nonce.is(nonce.secret()) => Ok(()),
        None if context.nonce_optional => Ok(()),
        Some(_) | None => Err(String::new()),
    };
    let claims = token.claims(&verifier, nonce).map_err(library_error)?;

    if let Some(hash) = claims.access_token_hash() {
        let expected = AccessTokenHash::from_token(context.access_token, algorithm, &jwk);
        if expected.ok().as_ref() != Some(hash) {
            return Err(JwtError::HashMismatch("at_hash"));
        }
    }
    if let (Some(hash), Some(code)) = (claims.code_hash(), context.code) {
        let code = AuthorizationCode::new(code.expose().to_owned());
        let expected = AuthorizationCodeHash::from_code(&code, algorithm, &jwk);
        if expected.ok().as_ref() != Some(hash) {
            return Err(JwtError::HashMismatch("c_hash"));
        }
    }
    Ok(())
}

impl IdToken {
    /// The subject.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// When it expires.
    pub(super) const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Its claims.
    pub(super) const fn claims(&self) -> &Json {
        self.signed.claims()
    }

    /// The session id at the provider (OpenID Connect Front- and Back-Channel Logout).
    pub(super) fn sid(&self) -> Option<&str> {
        self.claims()
            .member("sid")
            .and_then(Json::as_str)
            .filter(|sid| !sid.is_empty())
    }

    /// Whether it has the claim `azp`.
    pub(super) fn has_azp(&self) -> bool {
        self.claims().member("azp").is_some()
    }

    /// When the user authenticated, in seconds since the epoch.
    pub(super) fn auth_time(&self) -> Option<u64> {
        let date = self.signed.date("auth_time").ok().flatten();
        date.map(Timestamp::secs)
    }
}

/// Whether an ID token may have this `typ`.
fn is_id_token_type(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| is_type(typ, "jwt"))
}

/// Converts the library's error. Its text quotes the token.
fn library_error(error: ClaimsVerificationError) -> JwtError {
    match error {
        ClaimsVerificationError::Expired(_) => JwtError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => JwtError::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => JwtError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => JwtError::Nonce,
        ClaimsVerificationError::InvalidSubject(_) => JwtError::Subject,
        ClaimsVerificationError::SignatureVerification(_) => JwtError::Signature,
        _ => JwtError::Library,
    }
}
