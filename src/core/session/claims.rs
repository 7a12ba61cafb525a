//! The claims of a session token.

use serde::Serialize;

use super::Id;
use crate::json::Json;
use crate::timestamp::Timestamp;
use crate::token::{self, TokenError};

#[cfg(test)]
mod tests;

/// The claim with those claims of the provider that the policy's rules match on. They are apart, so that no
/// claim of a provider can be mistaken for one of the companion.
pub(crate) const PROVIDER_CLAIMS: &str = "claims";

/// The claims of a session token: who signed in where, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// `iss` and `aud`: the policy's `sso.url`.
    pub issuer: String,
    /// `sub`: the user, as the provider identifies them.
    pub subject: String,
    /// `idp`: the provider, by its name in the policy.
    pub provider: String,
    /// `sid`, `handle` and `began`: the handles for revocation.
    pub handles: SessionHandles,
    /// `iat`: when this token was issued, in whole seconds.
    pub issued_at: Timestamp,
    /// `exp`: when this token expires, in whole seconds.
    pub expires_at: Timestamp,
    /// `email`: the address, if the provider has one.
    pub email: Option<String>,
    /// `email_verified`: whether the provider has verified the address.
    pub email_verified: bool,
    /// `groups`.
    pub groups: Vec<String>,
    /// `preferred_username`: the user name that the user prefers.
    pub preferred_username: Option<String>,
    /// `claims`: those claims of the provider that the policy's rules match on, an object; `None` without
    /// any.
    pub provider_claims: Option<Json>,
}

/// The handles by which a session can be revoked, the same in all of its tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionHandles {
    /// `sid`: the random id of the session.
    pub sid: Id,
    /// `handle`: a keyed hash of the user at this provider, which only the companion can compute.
    pub handle: Id,
    /// `began`: when the user signed in, in whole seconds.
    pub began: Timestamp,
}

/// The wire form of the claims.
#[derive(Serialize)]
struct Wire<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    idp: &'a str,
    sid: Id,
    handle: Id,
    began: u64,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a Json>,
}

impl Claims {
    /// Parses the claims. The companion writes them all, so a malformed claim is an error and does
    /// not count as absent.
    ///
    /// # Errors
    /// [`TokenError::Claim`] with the claim that is missing or malformed.
    pub fn read(claims: &token::Claims) -> Result<Self, TokenError> {
        let body = claims.body();
        Ok(Self {
            issuer: claims.issuer().to_owned(),
            subject: claims.subject().to_owned(),
            provider: text(body, "idp")?.ok_or(TokenError::Claim("idp"))?,
            handles: SessionHandles {
                sid: id(body, "sid")?,
                handle: id(body, "handle")?,
                began: began(body)?,
            },
            issued_at: claims.issued_at().ok_or(TokenError::Claim("iat"))?,
            expires_at: claims.expires_at(),
            email: text(body, "email")?,
            email_verified: match body.member("email_verified") {
                None => false,
                Some(Json::Bool(verified)) => *verified,
                Some(_) => return Err(TokenError::Claim("email_verified")),
            },
            groups: groups(body)?,
            preferred_username: text(body, "preferred_username")?,
            provider_claims: match body.member(PROVIDER_CLAIMS) {
                None => None,
                Some(claims @ Json::Object(_)) => Some(claims.clone()),
                Some(_) => return Err(TokenError::Claim(PROVIDER_CLAIMS)),
            },
        })
    }

    /// The payload of a token with these claims.
    pub fn to_json(&self) -> String {
        let wire = Wire {
            iss: &self.issuer,
            aud: &self.issuer,
            sub: &self.subject,
            idp: &self.provider,
            sid: self.handles.sid,
            handle: self.handles.handle,
            began: self.handles.began.secs(),
            iat: self.issued_at.secs(),
            exp: self.expires_at.secs(),
            email: self.email.as_deref(),
            email_verified: self.email.as_ref().map(|_| self.email_verified),
            groups: &self.groups,
            preferred_username: self.preferred_username.as_deref(),
            claims: self.provider_claims.as_ref(),
        };
        // Serialization of these types can't fail.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

/// An optional string that is not empty.
fn text(body: &Json, name: &'static str) -> Result<Option<String>, TokenError> {
    match body.member(name) {
        None => Ok(None),
        Some(Json::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::Claim(name)),
    }
}

fn id(body: &Json, name: &'static str) -> Result<Id, TokenError> {
    body.member(name)
        .and_then(Json::as_str)
        .and_then(Id::parse)
        .ok_or(TokenError::Claim(name))
}

fn began(body: &Json) -> Result<Timestamp, TokenError> {
    match body.member("began") {
        Some(Json::Number(seconds)) => seconds.as_u64().map(Timestamp::from_secs),
        _ => None,
    }
    .ok_or(TokenError::Claim("began"))
}

fn groups(body: &Json) -> Result<Vec<String>, TokenError> {
    let Some(claim) = body.member("groups") else {
        return Ok(Vec::new());
    };
    claim
        .as_array()
        .and_then(|list| {
            list.iter()
                .map(|group| group.as_str().map(str::to_owned))
                .collect()
        })
        .ok_or(TokenError::Claim("groups"))
}
