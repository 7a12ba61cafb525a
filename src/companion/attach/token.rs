//! A bearer token, and when it expires.

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::json::Json;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::token::numeric_date;
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// The maximum size of a token, in bytes. Few servers accept longer headers.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// A bearer token.
#[derive(Clone, Debug)]
pub(super) struct BearerToken {
    /// The value of `Authorization`, marked as sensitive, so that no log shows it.
    authorization: HeaderValue,
    times: Times,
}

/// What a token claims about its lifetime, which is not verified. A token that is no JWT claims nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Times {
    pub(super) issued_at: Option<Timestamp>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Why the content of a file is not a token. It quotes nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum InvalidToken {
    #[error("is empty")]
    Empty,
    #[error("is larger than a token can be (16 KiB)")]
    TooLarge,
    #[error("has more than one line")]
    SeveralLines,
    #[error("has white space; expected the token alone, without `Bearer`")]
    WhiteSpace,
    #[error("has bytes other than visible ASCII, which can't be part of a token")]
    NotVisible,
}

impl BearerToken {
    /// Reads the content of a file. White space at the end, such as a line break, is ignored.
    pub(super) fn parse(content: &[u8]) -> Result<Self, InvalidToken> {
        let token = content.trim_ascii_end();
        if token.is_empty() {
            return Err(InvalidToken::Empty);
        }
        if token.len() > MAX_BYTES {
            return Err(InvalidToken::TooLarge);
        }
        if let Some(byte) = token.iter().find(|byte| !byte.is_ascii_graphic()) {
            return Err(match byte {
                b'\n' | b'\r' => InvalidToken::SeveralLines,
                b' ' | b'\t' => InvalidToken::WhiteSpace,
                _ => InvalidToken::NotVisible,
            });
        }
        let value = Zeroizing::new([b"Bearer ", token].concat());
        let mut authorization =
            HeaderValue::from_bytes(&value).map_err(|_| InvalidToken::NotVisible)?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization,
            times: Times::of(token),
        })
    }

    /// The value of `Authorization`.
    pub(super) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// What it claims about its lifetime.
    pub(super) const fn times(&self) -> Times {
        self.times
    }
}

// === impl Times ===

impl Times {
    /// The times in a JWT.
    fn of(token: &[u8]) -> Self {
        let claims = || {
            let mut parts = token.split(|byte| *byte == b'.');
            let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
            Json::parse(&payload).ok()
        };
        let Some(claims) = claims() else {
            return Self::default();
        };
        let time = |name| numeric_date(claims.member(name)?);
        Self {
            issued_at: time("iat"),
            expires_at: time("exp"),
        }
    }

    /// Whether it has expired.
    pub(super) fn has_expired(self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Whether so little of its lifetime is left that a new token is overdue: a tenth or, if its beginning is
    /// unknown, a minute. The kubelet replaces a token when a fifth is left.
    pub(super) fn is_overdue(self, now: Timestamp) -> bool {
        const UNKNOWN_LIFETIME: u64 = 60_000;
        let Some(expires_at) = self.expires_at else {
            return false;
        };
        let left = expires_at.millis().saturating_sub(now.millis());
        let lifetime = self.issued_at.map(|issued_at| expires_at.since(issued_at));
        let threshold = lifetime.map_or(UNKNOWN_LIFETIME, |lifetime| {
            u64::try_from(lifetime.as_millis() / 10).unwrap_or(u64::MAX)
        });
        left < threshold
    }
}
