//! A token that a provider signed: its form, its key, its signature, its time. What all kinds of
//! them have in common.
//!
//! Form, keys and signatures are core's: a [`Jws`] has one spelling, a [`KeySet`] lets no weak key
//! in, and each key is for one algorithm only.

use std::time::Duration;

use portcullis_core::json::Json;
use portcullis_core::keys::{Key, KeySet, PureRust};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::{Algorithm, Jws, TokenError, numeric_date};

/// How far the provider's clock and ours may be apart.
pub(super) const LEEWAY: Duration = Duration::from_secs(30);

/// How old a token may be when it comes: it is always fresh from the provider.
pub(super) const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// How many keys are tried where the token does not say which one signed it.
const MAX_TRIES: usize = 4;

/// A token in strict form, not yet believed in anything.
#[derive(Debug)]
pub(super) struct Signed(Jws);

/// Why a token of the provider's is refused. Repeats nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SignedError {
    /// Signed in a way that is not the provider's, or not at all.
    #[error("`alg` is `none`, symmetric, or no algorithm of the provider's that is accepted here")]
    Algorithm,
    /// Made for somebody else, or not only for us.
    #[error("`aud` is not our client_id alone")]
    Audience,
    /// Asked for by somebody else.
    #[error("`azp` is not our client_id")]
    AuthorizedParty,
    /// A claim is missing or of a wrong type.
    #[error("`{0}` is missing or of a wrong type")]
    Claim(&'static str),
    /// After a refresh, what must have stayed the same did not.
    #[error("`{0}` is not what it was when the person signed in")]
    Changed(&'static str),
    /// Over.
    #[error("`exp` has passed")]
    Expired,
    /// Not a JWT in its strict form.
    #[error("{0}")]
    Form(TokenError),
    /// Not bound to the code or to the access token that it came with.
    #[error("`{0}` does not fit what came with it")]
    Hash(&'static str),
    /// Another provider's.
    #[error("`iss` is not the configured issuer")]
    Issuer,
    /// No key of the provider's fits it.
    #[error("the provider has no key that `kid` and `alg` name")]
    KeyUnknown,
    /// The library refuses it, which agrees with everything that was judged here.
    #[error("the OpenID Connect library refuses it")]
    Library,
    /// Not there at all.
    #[error("it is missing")]
    Missing,
    /// Made for another attempt to sign in.
    #[error("`nonce` is missing or is not the attempt's")]
    Nonce,
    /// From the future, by more than clocks may differ.
    #[error("`iat` or `nbf` lies ahead; the clocks here and at the provider may differ too much")]
    NotYetValid,
    /// Too old.
    #[error("`iat` is more than ten minutes ago")]
    Old,
    /// The signature is not that of the provider's key.
    #[error("the signature is not that of the provider's key")]
    Signature,
    /// Nobody, or nobody who could be named.
    #[error("`sub` is empty, too long, or has control characters")]
    Subject,
    /// A token of another kind (RFC 8725, section 3.11).
    #[error("`typ` or `events` says that it is a token of another kind")]
    Type,
}

impl SignedError {
    /// Whether the provider may just have begun to sign with a key that is not known yet.
    pub(super) const fn may_be_a_new_key(self) -> bool {
        matches!(self, Self::KeyUnknown | Self::Signature)
    }
}

impl Signed {
    /// Reads a token; `accepts` says which `typ` its kind may have.
    pub(super) fn read(text: &str, accepts: fn(Option<&str>) -> bool) -> Result<Self, SignedError> {
        Jws::parse(text, accepts)
            .map(Self)
            .map_err(|error| match error {
                TokenError::AlgorithmUnknown => SignedError::Algorithm,
                TokenError::Type => SignedError::Type,
                form => SignedError::Form(form),
            })
    }

    /// The key of the provider's that signed it. `algorithms` are the provider's.
    pub(super) fn signed_by<'a>(
        &self,
        keys: &'a KeySet,
        algorithms: &[Algorithm],
    ) -> Result<&'a Key, SignedError> {
        let header = self.0.header();
        if !algorithms.contains(&header.algorithm()) {
            return Err(SignedError::Algorithm);
        }
        let fits = |key: &&Key| {
            key.algorithm() == header.algorithm()
                && header.kid().is_none_or(|kid| key.kid() == Some(kid))
        };
        let mut fitting = keys.keys().iter().filter(fits).take(MAX_TRIES).peekable();
        if fitting.peek().is_none() {
            return Err(SignedError::KeyUnknown);
        }
        fitting
            .find(|key| self.0.is_signed_by(key, &PureRust))
            .ok_or(SignedError::Signature)
    }

    /// What it claims.
    pub(super) const fn claims(&self) -> &Json {
        self.0.payload()
    }

    /// A claim that is a string and not empty, where it is there.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, SignedError> {
        match self.claims().member(name) {
            None => Ok(None),
            Some(Json::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(SignedError::Claim(name)),
        }
    }

    /// A claim that is a moment (RFC 7519, section 2), where it is there.
    pub(super) fn date(&self, name: &'static str) -> Result<Option<Timestamp>, SignedError> {
        let date = self.claims().member(name);
        date.map(|date| numeric_date(date).ok_or(SignedError::Claim(name)))
            .transpose()
    }

    /// Whom it speaks of.
    pub(super) fn subject(&self) -> Result<Option<&str>, SignedError> {
        let subject = match self.claims().member("sub") {
            None => return Ok(None),
            Some(subject) => subject.as_str().ok_or(SignedError::Claim("sub"))?,
        };
        // OpenID Connect Core section 2 allows 255 characters of ASCII.
        if subject.is_empty() || subject.len() > 255 || subject.contains(char::is_control) {
            return Err(SignedError::Subject);
        }
        Ok(Some(subject))
    }

    /// Whether it was made for `client_id` and for nobody else: any other audience could show it
    /// here in the person's name.
    pub(super) fn check_audience(&self, client_id: &str) -> Result<(), SignedError> {
        let alone = match self.claims().member("aud") {
            Some(Json::String(one)) => one == client_id,
            Some(Json::Array(all)) => {
                !all.is_empty() && all.iter().all(|one| one.as_str() == Some(client_id))
            }
            _ => return Err(SignedError::Claim("aud")),
        };
        if alone {
            Ok(())
        } else {
            Err(SignedError::Audience)
        }
    }

    /// Whether it was made just now, and returns when.
    pub(super) fn check_made(&self, now: Timestamp) -> Result<Timestamp, SignedError> {
        let made = self.date("iat")?.ok_or(SignedError::Claim("iat"))?;
        let horizon = now.after(LEEWAY);
        if made > horizon || self.date("nbf")?.is_some_and(|start| start > horizon) {
            return Err(SignedError::NotYetValid);
        }
        if now.since(made) > MAX_AGE {
            return Err(SignedError::Old);
        }
        Ok(made)
    }
}
