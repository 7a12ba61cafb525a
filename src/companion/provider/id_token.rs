//! ID token validation (OpenID Connect Core 1.0 sections 3.1.3.7 and 12.2).
//!
//! Not by the library, whose types reject a whole token for a claim that nobody uses, such as an
//! `amr` that is a string or a `locale` that is an object. It also accepts base64url with more than
//! one encoding, duplicate members, `b64`, a `crit` of null, RSA keys of any size, Ed25519 keys of
//! small order, and keys that `key_ops` reserves for another use: [`SignedJwt`] and core's key set
//! reject them.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::{Algorithm, is_type};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::discovery::ProviderInfo;
use super::logout_token::LOGOUT_EVENT;
use super::secret::Secret;
use super::settings::RelyingParty;
use super::signed_jwt::{JwtError, LEEWAY, SignedJwt};

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
    /// The access token that came with it, if there is one.
    pub(super) access_token: Option<&'a Secret>,
    /// The authorization code that it was issued for.
    pub(super) code: Option<&'a Secret>,
}

/// Verifies an ID token from the token endpoint.
pub(super) fn verify(
    token: &Secret,
    relying_party: &RelyingParty,
    info: &ProviderInfo,
    context: &IdTokenContext<'_>,
    now: Timestamp,
) -> Result<IdToken, JwtError> {
    let signed = SignedJwt::read(token.expose(), is_id_token_type)?;
    let key = signed.signed_by(&info.keys, &info.metadata.algorithms, &relying_party.issuer)?;
    let algorithm = key.algorithm();
    signed.check_issuer(&relying_party.issuer)?;
    let is_for_others = signed.check_audience(relying_party)?;
    signed.check_authorized_party(relying_party, is_for_others)?;
    let subject = signed.subject()?.ok_or(JwtError::Claim("sub"))?.to_owned();
    let expires_at = signed.date("exp")?.ok_or(JwtError::Claim("exp"))?;
    if now >= expires_at.after(LEEWAY) {
        return Err(JwtError::Expired);
    }
    signed.check_issued_at(now)?;
    let events = signed.claims().member("events");
    if events.is_some_and(|events| events.member(LOGOUT_EVENT).is_some()) {
        return Err(JwtError::Type);
    }
    match signed.text("nonce")? {
        Some(nonce) if context.nonce.is(nonce) => {}
        None if context.nonce_optional => {}
        Some(_) | None => return Err(JwtError::Nonce),
    }
    check_hash(&signed, "at_hash", context.access_token, algorithm)?;
    check_hash(&signed, "c_hash", context.code, algorithm)?;
    Ok(IdToken {
        subject,
        expires_at,
        signed,
    })
}

/// Checks that the token is bound to the `issued` value that came with it, if the claim `name` says so
/// (OpenID Connect Core 1.0 sections 3.1.3.6 and 3.3.2.11). Without the value, nothing is bound.
fn check_hash(
    signed: &SignedJwt,
    name: &'static str,
    issued: Option<&Secret>,
    algorithm: Algorithm,
) -> Result<(), JwtError> {
    match (signed.text(name)?, issued) {
        (Some(hash), Some(issued)) if hash != half_hash(algorithm, issued.expose()) => {
            Err(JwtError::HashMismatch(name))
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

/// The left half of the hash that belongs to the signature algorithm; for Ed25519 that is SHA-512.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => Sha256::digest(text).to_vec(),
        Algorithm::Es384 | Algorithm::Ps384 | Algorithm::Rs384 => Sha384::digest(text).to_vec(),
        Algorithm::EdDsa | Algorithm::Ps512 | Algorithm::Rs512 => Sha512::digest(text).to_vec(),
    };
    let (half, _) = hash.split_at(hash.len() / 2);
    URL_SAFE_NO_PAD.encode(half)
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

    /// Whether another token has the same `iss` (OpenID Connect Core 1.0 section 12.2). Nothing of the
    /// other one is verified: it is the token of the sign-in, as the session keeps it.
    pub(super) fn has_issuer_of(&self, other: &Secret) -> bool {
        let other = SignedJwt::read(other.expose(), is_id_token_type);
        other.is_ok_and(|other| other.text("iss") == self.signed.text("iss"))
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
        matches!(self.signed.text("azp"), Ok(Some(_)))
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
