//! The names of the session cookies.

use std::borrow::Cow;

use crate::bytes::{position, printable};
use crate::request::Headers;

#[cfg(test)]
mod tests;

/// The names of the session cookies: `NAME` for the session token, `NAME-session` for the sealed
/// session and `NAME-login-…` for each sign-in attempt. The first two may have the suffixes `.0`,
/// `.1`, … if a value is too long for one cookie. The prefix of the third is always `__Host-`: only
/// the companion's own host gets it and can set it (RFC 6265bis section 4.1.3.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CookieNames {
    token: String,
    sealed: String,
    /// What the names of sign-in attempts begin with.
    login: String,
}

/// What follows the name of the session token's cookie for a sign-in attempt.
const LOGIN: &str = "-login-";

/// The cookies of a request to forward.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cookies {
    /// They are forwarded unchanged; there may be none.
    Unchanged,
    /// None is forwarded.
    Removed,
    /// These are forwarded, as the value of one header.
    Replaced(Vec<u8>),
}

impl CookieNames {
    /// The cookie names that start with `name`.
    pub(crate) fn new(name: String) -> Self {
        let bare = name
            .strip_prefix("__Secure-")
            .or_else(|| name.strip_prefix("__Host-"));
        Self {
            login: ["__Host-", bare.unwrap_or(&name), LOGIN].concat(),
            sealed: [&name, "-session"].concat(),
            token: name,
        }
    }

    /// The name of the session token's cookie.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The name of the sealed session's cookie.
    pub fn sealed(&self) -> &str {
        &self.sealed
    }

    /// The name of the cookie of a sign-in attempt.
    pub fn login(&self, attempt: &str) -> String {
        [&self.login, attempt].concat()
    }

    /// Whether a cookie belongs to the session. Cookie names are case-sensitive: names in another
    /// case belong to the app (C04).
    pub fn has(&self, name: &[u8]) -> bool {
        // Older releases used the prefix of the session token's cookie for attempts too.
        let former = |rest: &[u8]| rest.starts_with(LOGIN.as_bytes());
        self.is_of_session(name)
            || name.starts_with(self.login.as_bytes())
            || name.strip_prefix(self.token.as_bytes()).is_some_and(former)
    }

    /// Whether this is the cookie of the session token or of the sealed session, or a chunk of one.
    fn is_of_session(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(self.token.as_bytes()) else {
            return false;
        };
        let rest = rest.strip_prefix(b"-session").unwrap_or(rest);
        match rest.split_first() {
            None => true,
            Some((b'.', number)) => !number.is_empty() && number.iter().all(u8::is_ascii_digit),
            Some(_) => false,
        }
    }

    /// The value of a Cookie header without the session's cookies, the rest byte for byte; `None`
    /// if nothing is left.
    pub fn strip<'a>(&self, cookie: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let ours = |part: &&[u8]| self.has(pair(part).0);
        if !parts(cookie).any(|part| ours(&part)) {
            return Some(Cow::Borrowed(cookie));
        }
        let kept: Vec<&[u8]> = parts(cookie).filter(|part| !ours(part)).collect();
        let kept = kept.join(&b';').trim_ascii_start().to_vec();
        (!kept.is_empty()).then_some(Cow::Owned(kept))
    }

    /// The cookies of a request to forward to an app: all except those of the session.
    pub fn forwarded(&self, headers: &Headers<'_>) -> Cookies {
        let stripped: Vec<Option<Cow<'_, [u8]>>> =
            headers.all("cookie").map(|one| self.strip(one)).collect();
        let untouched = |one: &Option<Cow<'_, [u8]>>| matches!(one, Some(Cow::Borrowed(_)));
        if stripped.iter().all(untouched) {
            return Cookies::Unchanged;
        }
        let kept: Vec<Cow<'_, [u8]>> = stripped.into_iter().flatten().collect();
        if kept.is_empty() {
            Cookies::Removed
        } else {
            Cookies::Replaced(kept.join(&b"; "[..]))
        }
    }

    /// Whether a request has any cookie of a session.
    pub fn is_presented_in(&self, headers: &Headers<'_>) -> bool {
        let mut cookies = headers.all("cookie").flat_map(pairs);
        cookies.any(|(name, _)| self.is_of_session(name))
    }

    /// Whether a request has a sealed session, whole or in chunks.
    pub(crate) fn is_sealed_in(&self, headers: &Headers<'_>) -> bool {
        headers.all("cookie").flat_map(pairs).any(|(name, value)| {
            self.is_of_session(name)
                && name.starts_with(self.sealed.as_bytes())
                && !value.is_empty()
        })
    }

    /// The session cookies of a request, as the value of one Cookie header for the refresh request.
    /// Without those that have another byte than the companion writes: a header can't have some of them.
    pub(crate) fn of_session(&self, headers: &Headers<'_>) -> String {
        let parts = headers.all("cookie").flat_map(parts);
        let ours = parts.filter(|part| self.is_of_session(pair(part).0));
        let texts = ours.filter_map(printable).map(str::trim);
        texts.collect::<Vec<_>>().join("; ")
    }
}

/// The cookies of one Cookie header, each a name and a value (RFC 6265 section 5.4). A cookie
/// without `=` has no name.
pub fn pairs(cookie: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    parts(cookie).map(pair)
}

/// The parts of a Cookie header between semicolons.
fn parts(cookie: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(cookie);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(end) = position(b';', text) else {
            return Some(text);
        };
        let (part, after) = text.split_at_checked(end)?;
        rest = after.get(1..);
        Some(part)
    })
}

fn pair(part: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = part.splitn(2, |byte| *byte == b'=');
    match (parts.next(), parts.next()) {
        (Some(name), Some(value)) => (name.trim_ascii(), value.trim_ascii()),
        _ => (b"", part.trim_ascii()),
    }
}
