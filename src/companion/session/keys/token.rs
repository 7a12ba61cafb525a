//! Session tokens, which filters verify with the companion's public keys.

use portcullis_core::session::{Claims, SessionHandles, TOKEN_TYPE, is_token_type};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::{Algorithm, Token};

use super::Keys;
use crate::session::record::Session;

#[cfg(test)]
mod tests;

impl Keys {
    /// Issues a session token. `url` is the policy's `sso.url`, both issuer and audience.
    pub(crate) fn issue_token(
        &self,
        url: &str,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> String {
        let user = session.user.clone();
        let is_set = |text: &String| !text.is_empty();
        let claims = Claims {
            issuer: url.to_owned(),
            handles: self.handles(session),
            subject: user.sub,
            provider: session.provider.clone(),
            issued_at: now,
            expires_at,
            email: user.email.filter(is_set),
            email_verified: user.email_verified,
            groups: user.groups,
            preferred_username: user.preferred_username.filter(is_set),
            provider_claims: user.claims,
        };
        let key = self.current(now);
        key.signing.sign(TOKEN_TYPE, &key.kid, &claims.to_json())
    }

    /// The claims of a session token of this companion, even if it has expired. `None` if it is invalid.
    pub(crate) fn verify_token(&self, url: &str, text: &str) -> Option<Claims> {
        let token = Token::parse_as(text, is_token_type).ok()?;
        let key = self
            .all()
            .find(|key| token.header().kid() == Some(&key.kid))?;
        if token.header().algorithm() != Algorithm::Es256 {
            return None;
        }
        let is_signed = key
            .signing
            .has_signed(token.signing_input(), token.signature());
        if !is_signed {
            return None;
        }
        let expected = [url.to_owned()];
        let claims = Some(token.claims()).filter(|claims| claims.audiences() == expected)?;
        Claims::read(claims)
            .ok()
            .filter(|claims| claims.issuer == url)
    }

    /// The handles by which revocations name a session.
    pub(crate) fn handles(&self, session: &Session) -> SessionHandles {
        SessionHandles {
            sid: session.sid,
            handle: self.handle(&session.provider, &session.user.sub),
            began: session.began,
        }
    }
}
