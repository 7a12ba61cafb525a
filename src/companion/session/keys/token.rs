//! Session tokens: what a filter verifies by itself, with the keys that the companion publishes.

use jwt_compact::Algorithm as _;
use jwt_compact::AlgorithmSignature as _;
use jwt_compact::alg::Es256;
use portcullis_core::timestamp::Timestamp;
use serde::Serialize;

use super::Keys;
use crate::session::bytes;
use crate::session::record::Session;

#[cfg(test)]
mod tests;

/// What a session token says, besides what it says of the person.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    idp: &'a str,
    sid: &'a str,
    handle: &'a str,
    began: u64,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
}

impl Keys {
    /// Signs a session token that is good until `expires`. `url` is the policy's `sso.url`, which
    /// both issues it and is its audience.
    pub(crate) fn mint(
        &self,
        url: &str,
        session: &Session,
        now: Timestamp,
        expires: Timestamp,
    ) -> String {
        let person = &session.person;
        let claims = Claims {
            iss: url,
            aud: url,
            sub: &person.sub,
            idp: &session.idp,
            sid: &session.sid,
            handle: &self.handle(&session.idp, &person.sub),
            began: session.began.secs(),
            iat: now.secs(),
            exp: expires.secs(),
            email: person.email.as_deref(),
            email_verified: person.email_verified,
            groups: &person.groups,
            preferred_username: person.preferred_username.as_deref(),
        };
        let key = self.current(now);
        let header = format!(
            r#"{{"alg":"ES256","typ":"portcullis-session+jwt","kid":"{}"}}"#,
            key.kid
        );
        // Text, numbers and a list of texts: nothing in it can fail to be written.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let input = format!("{}.{}", bytes::encode(header), bytes::encode(claims));
        let signature = Es256.sign(&key.signing, input.as_bytes());
        format!("{input}.{}", bytes::encode(signature.as_bytes()))
    }
}
