//! JWTs that a provider signed: format, key, signature and times, which ID tokens and logout tokens
//! have in common.
//!
//! Format, keys and signatures are core's: a [`Jws`] has one encoding, a key set has no weak
//! key, and each key is for one algorithm only.

use std::time::Duration;

use portcullis_core::json::Json;
use portcullis_core::keys::{Key, PureRust};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::{Algorithm, Jws, TokenError, numeric_date};

use super::issuer::Issuer;
use super::keys::ProviderKeys;
use super::settings::RelyingParty;

/// How far the provider's clock may differ from ours.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// How old a token may be. It always comes straight from the provider.
pub(super) const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// How many keys are tried for a token without `kid`.
const MAX_KEYS_TRIED: usize = 4;

/// A well-formed token. Nothing in it is verified yet.
#[derive(Debug)]
pub(super) struct SignedJwt(Jws);

/// Why a token is rejected. Repeats nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum JwtError {
    /// Not signed, or with an algorithm that is not accepted.
    #[error("`alg` is `none`, symmetric, or not one of the provider's accepted algorithms")]
    Algorithm,
    /// Issued for another client.
    #[error("`aud` does not contain the client_id")]
    Audience,
    /// Issued for others too, who are not trusted.
    #[error("`aud` has values besides the client_id; list those that you trust in `audiences`")]
    OtherAudience,
    /// Requested by another client.
    #[error("`azp` is not the client_id")]
    AuthorizedParty,
    /// Issued for several clients, and it is unknown which of them requested it.
    #[error("`azp` is missing, though `aud` has several values")]
    NoAuthorizedParty,
    /// A claim is missing or has the wrong type.
    #[error("`{0}` is missing or has the wrong type")]
    Claim(&'static str),
    /// A refresh changed a claim that must stay the same.
    #[error("`{0}` differs from the ID token of the sign-in")]
    Changed(&'static str),
    /// Expired.
    #[error("`exp` has passed")]
    Expired,
    /// Not a well-formed JWT.
    #[error("{0}")]
    Malformed(TokenError),
    /// Not bound to the authorization code or access token that it came with.
    #[error("`{0}` does not match")]
    HashMismatch(&'static str),
    /// Issued by another provider.
    #[error("`iss` is not the configured issuer")]
    Issuer,
    /// The provider has no such key.
    #[error("the provider has no key for this `kid` and `alg`")]
    UnknownKey,
    /// There is no token.
    #[error("missing")]
    Missing,
    /// Issued for another sign-in attempt.
    #[error("`nonce` is missing or not that of the attempt")]
    Nonce,
    /// Issued in the future, by more than the leeway.
    #[error("`iat` or `nbf` is in the future; check the clocks here and at the provider")]
    NotYetValid,
    /// Too old.
    #[error("`iat` is more than ten minutes ago")]
    TooOld,
    /// The signature is invalid.
    #[error("invalid signature")]
    Signature,
    /// An invalid subject.
    #[error("`sub` is empty, too long, or has control characters")]
    Subject,
    /// Issued by a tenant that is not accepted, or by another provider.
    #[error("`iss` is not the configured issuer with a `tid` that `tenants` lists")]
    Tenant,
    /// Another kind of token (RFC 8725 section 3.11).
    #[error("`typ` or `events` is that of another kind of token")]
    Type,
}

impl JwtError {
    /// Whether the provider may have begun to sign with a key that was not fetched yet.
    pub(super) const fn may_need_fresh_keys(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }
}

impl SignedJwt {
    /// Parses a token; `accepts` says which `typ` its kind may have.
    pub(super) fn read(text: &str, accepts: fn(Option<&str>) -> bool) -> Result<Self, JwtError> {
        Jws::parse(text, accepts)
            .map(Self)
            .map_err(|error| match error {
                TokenError::AlgorithmUnknown => JwtError::Algorithm,
                TokenError::Type => JwtError::Type,
                error => JwtError::Malformed(error),
            })
    }

    /// Verifies the signature, and returns the key. `algorithms` are the provider's.
    pub(super) fn signed_by<'a>(
        &self,
        keys: &'a ProviderKeys,
        algorithms: &[Algorithm],
        issuer: &Issuer,
    ) -> Result<&'a Key, JwtError> {
        let header = self.0.header();
        if !algorithms.contains(&header.algorithm()) {
            return Err(JwtError::Algorithm);
        }
        let iss = self.text("iss")?.unwrap_or_default();
        let fits = |key: &Key| {
            key.algorithm() == header.algorithm()
                && header.kid().is_none_or(|kid| key.kid() == Some(kid))
        };
        let mut fitting = keys
            .iter()
            .filter(|one| fits(&one.key) && issuer.allows_key(one.issuer.as_deref(), iss))
            .map(|one| &one.key)
            .take(MAX_KEYS_TRIED)
            .peekable();
        if fitting.peek().is_none() {
            return Err(JwtError::UnknownKey);
        }
        fitting
            .find(|key| self.0.is_signed_by(key, &PureRust))
            .ok_or(JwtError::Signature)
    }

    /// Its claims.
    pub(super) const fn claims(&self) -> &Json {
        self.0.payload()
    }

    /// A claim that must be a non-empty string, if it is present and not null.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, JwtError> {
        match self.claims().member(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(JwtError::Claim(name)),
        }
    }

    /// A claim that must be a date (RFC 7519 section 2), if it is present and not null.
    pub(super) fn date(&self, name: &'static str) -> Result<Option<Timestamp>, JwtError> {
        let date = self.claims().member(name);
        let date = date.filter(|date| **date != Json::Null);
        date.map(|date| numeric_date(date).ok_or(JwtError::Claim(name)))
            .transpose()
    }

    /// The subject.
    pub(super) fn subject(&self) -> Result<Option<&str>, JwtError> {
        let subject = match self.claims().member("sub") {
            None => return Ok(None),
            Some(subject) => subject.as_str().ok_or(JwtError::Claim("sub"))?,
        };
        // OpenID Connect Core 1.0 section 2 allows 255 characters of ASCII.
        if subject.is_empty() || subject.len() > 255 || subject.contains(char::is_control) {
            return Err(JwtError::Subject);
        }
        Ok(Some(subject))
    }

    /// Checks that an ID token is from this provider. With several tenants, `tid` says from which.
    pub(super) fn check_issuer(&self, issuer: &Issuer) -> Result<(), JwtError> {
        let iss = self.text("iss")?.ok_or(JwtError::Claim("iss"))?;
        let tid = self.claims().member("tid").and_then(Json::as_str);
        if issuer.accepts_from(iss, tid) {
            Ok(())
        } else if issuer.is_template() {
            Err(JwtError::Tenant)
        } else {
            Err(JwtError::Issuer)
        }
    }

    /// Checks that it is for this client (OpenID Connect Core 1.0 section 3.1.3.7), and returns whether it
    /// is for others too. They must be listed in `audiences`: each of them could present it here in the
    /// user's name.
    pub(super) fn check_audience(&self, relying_party: &RelyingParty) -> Result<bool, JwtError> {
        let audiences: Vec<&str> = match self.claims().member("aud") {
            Some(Json::String(one)) => vec![one],
            Some(Json::Array(all)) => {
                let texts = all.iter().map(Json::as_str);
                texts.collect::<Option<_>>().ok_or(JwtError::Claim("aud"))?
            }
            _ => return Err(JwtError::Claim("aud")),
        };
        let is_ours = |one: &&str| *one == relying_party.client_id.as_str();
        if !audiences.iter().any(is_ours) {
            return Err(JwtError::Audience);
        }
        let mut others = audiences.iter().filter(|one| !is_ours(one)).peekable();
        let is_for_others = others.peek().is_some();
        if others.all(|other| relying_party.audiences.iter().any(|own| own == other)) {
            Ok(is_for_others)
        } else {
            Err(JwtError::OtherAudience)
        }
    }

    /// Checks that this client requested it, as far as `azp` says so, which is required if it
    /// `is_for_others` too.
    pub(super) fn check_authorized_party(
        &self,
        relying_party: &RelyingParty,
        is_for_others: bool,
    ) -> Result<(), JwtError> {
        match self.text("azp")? {
            Some(azp) if azp == relying_party.client_id.as_str() => Ok(()),
            Some(_) => Err(JwtError::AuthorizedParty),
            None if is_for_others => Err(JwtError::NoAuthorizedParty),
            None => Ok(()),
        }
    }

    /// Checks that it was issued recently, and returns when.
    pub(super) fn check_issued_at(&self, now: Timestamp) -> Result<Timestamp, JwtError> {
        let issued_at = self.date("iat")?.ok_or(JwtError::Claim("iat"))?;
        let horizon = now.after(LEEWAY);
        if issued_at > horizon || self.date("nbf")?.is_some_and(|start| start > horizon) {
            return Err(JwtError::NotYetValid);
        }
        if now.since(issued_at) > MAX_AGE {
            return Err(JwtError::TooOld);
        }
        Ok(issued_at)
    }
}
