//! The registered claims, by RFC 7519 section 4.1, and the time checks on them.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::TokenError;
use super::numeric_date;
use crate::json::Json;
use crate::timestamp::Timestamp;

/// The claims of a token: the registered claims with their types, and the whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    issuer: String,
    subject: String,
    audiences: Vec<String>,
    expires_at: Timestamp,
    not_before: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    id: Option<String>,
    body: Arc<Json>,
}

impl Claims {
    pub(super) fn read(body: Json) -> Result<Self, TokenError> {
        let claims = Self {
            issuer: text(&body, "iss")?.ok_or(TokenError::Claim("iss"))?,
            subject: text(&body, "sub")?.ok_or(TokenError::Claim("sub"))?,
            audiences: audiences(&body)?,
            expires_at: date(&body, "exp")?.ok_or(TokenError::Claim("exp"))?,
            not_before: date(&body, "nbf")?,
            issued_at: date(&body, "iat")?,
            id: text(&body, "jti")?,
            body: Arc::new(body),
        };
        Ok(claims)
    }

    /// `iss`: the issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`: the subject of the token.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `aud`: the audiences. Empty without `aud`, which matches no audience.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// `exp`: when the token expires.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// `nbf`: the time before which the token is not valid.
    pub const fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// `iat`: when the token was issued.
    pub const fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// `jti`: the id of the token.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the token has `cnf`, which binds it to a key (RFC 7800).
    pub fn is_bound(&self) -> bool {
        self.body.member("cnf").is_some()
    }

    /// All claims, as written.
    pub const fn body(&self) -> &Arc<Json> {
        &self.body
    }

    /// Whether one of `audiences` is among the token's, byte for byte.
    pub fn is_for(&self, audiences: &[String]) -> bool {
        audiences.iter().any(|one| self.audiences.contains(one))
    }

    /// Whether the token is valid at `now`, with a clock skew of up to `leeway`, and whether its
    /// lifetime is at most `max_lifetime`. `exp` is exclusive. Without `iat`, the lifetime counts
    /// from `nbf` and, without that too, from now.
    pub fn check_times(
        &self,
        now: Timestamp,
        leeway: Duration,
        max_lifetime: Duration,
    ) -> Result<(), TokenError> {
        if now >= self.expires_at.after(leeway) {
            return Err(TokenError::Expired);
        }
        self.check_start_and_lifetime(now, leeway, max_lifetime)
    }

    /// The same as [`Claims::check_times`], except for the expiry.
    pub(crate) fn check_start_and_lifetime(
        &self,
        now: Timestamp,
        leeway: Duration,
        max_lifetime: Duration,
    ) -> Result<(), TokenError> {
        let horizon = now.after(leeway);
        if self.not_before.is_some_and(|start| start > horizon)
            || self.issued_at.is_some_and(|made| made > horizon)
        {
            return Err(TokenError::NotYetValid);
        }
        let start = self.issued_at.or(self.not_before).unwrap_or(now);
        if self.expires_at.since(start) > max_lifetime {
            return Err(TokenError::LifetimeTooLong);
        }
        Ok(())
    }
}

fn text(body: &Json, name: &'static str) -> Result<Option<String>, TokenError> {
    match body.member(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::Claim(name)),
    }
}

fn date(body: &Json, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
    body.member(name)
        .map(|date| numeric_date::read(date).ok_or(TokenError::Claim(name)))
        .transpose()
}

/// A string, or a list of strings.
fn audiences(body: &Json) -> Result<Vec<String>, TokenError> {
    match body.member("aud") {
        None => Ok(Vec::new()),
        Some(Json::String(one)) => Ok(vec![one.clone()]),
        Some(Json::Array(all)) => all
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(TokenError::Claim("aud")),
        Some(_) => Err(TokenError::Claim("aud")),
    }
}
