//! Cookies: those that a request carries, and those that an answer sets.

use std::fmt;
use std::time::Duration;

use portcullis_core::session::{candidates, cut, pairs};

use super::settings::{SameSite, Settings};

#[cfg(test)]
mod tests;

/// How many cookies an answer deletes at most. A request with more names of ours than that was made
/// up.
const MAX_DELETED: usize = 64;

/// The cookies of a request.
#[derive(Clone)]
pub(crate) struct Cookies<'a> {
    pairs: Vec<(&'a [u8], &'a [u8])>,
}

/// The value of a `Set-Cookie` header. It is a credential, so its debug output stops at the name.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct SetCookie(String);

/// How a cookie is set: what stands behind its name and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a> {
    pub(super) domain: Option<&'a str>,
    pub(super) same_site: SameSite,
}

// === impl Cookies ===

impl<'a> Cookies<'a> {
    /// The cookies of these `Cookie` headers. HTTP/2 may cut one header into several (RFC 9113
    /// section 8.2.3).
    pub(crate) fn read(headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self {
            pairs: headers.into_iter().flat_map(pairs).collect(),
        }
    }

    /// The values that the cookie of a name may have: see [`candidates`].
    pub(super) fn candidates(&self, name: &str) -> Vec<std::borrow::Cow<'a, str>> {
        candidates(self.pairs.iter().copied(), name)
    }

    /// The values of exactly this name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let of_name = self
            .pairs
            .iter()
            .filter(move |(own, _)| *own == name.as_bytes());
        of_name.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The names that a cookie of this name has here, whole and in pieces, each once, with how
    /// often it was carried.
    fn carried(&self, name: &str) -> Vec<(&'a str, usize)> {
        let mut carried: Vec<(&str, usize)> = Vec::new();
        for (own, _) in &self.pairs {
            let Some(own) = piece_of(own, name) else {
                continue;
            };
            let known = carried.iter().position(|(known, _)| *known == own);
            if let Some((_, times)) = known.and_then(|at| carried.get_mut(at)) {
                *times += 1;
            } else if carried.len() < MAX_DELETED {
                carried.push((own, 1));
            }
        }
        carried
    }

    /// The names here that begin with this, and so are cookies of ours, each once.
    pub(super) fn beginning_with(&self, start: &str) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for (own, _) in &self.pairs {
            let Ok(own) = std::str::from_utf8(own) else {
                continue;
            };
            let plain = |rest: &str| rest.bytes().all(is_base64url);
            let ours = own.strip_prefix(start).is_some_and(plain);
            if ours && !names.contains(&own) && names.len() < MAX_DELETED {
                names.push(own);
            }
        }
        names
    }
}

/// The name, where it is this one or that of a piece of it.
fn piece_of<'a>(own: &'a [u8], name: &str) -> Option<&'a str> {
    let own = std::str::from_utf8(own).ok()?;
    let ours = match own.strip_prefix(name)?.split_at_checked(1) {
        None => true,
        Some((".", number)) => {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        Some(_) => false,
    };
    ours.then_some(own)
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

impl fmt::Debug for Cookies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .pairs
            .iter()
            .map(|(name, _)| String::from_utf8_lossy(name));
        f.debug_list().entries(names).finish()
    }
}

// === impl SetCookie ===

impl SetCookie {
    /// The value of the header: visible ASCII.
    pub(crate) fn header(&self) -> &str {
        &self.0
    }

    /// Whether it is the cookie of exactly this name.
    pub(super) fn is_of(&self, name: &str) -> bool {
        let rest = self.0.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('='))
    }

    /// A cookie that lives for so long.
    pub(super) fn set(name: &str, value: &str, lives: Duration, how: Attributes<'_>) -> Self {
        Self(format!(
            "{name}={value}; Path=/; Max-Age={}{how}",
            lives.as_secs()
        ))
    }

    /// The deletion of a cookie. A browser heeds it only where name, path and domain are those that
    /// it was set with, and of a name with a prefix only with `Secure` (CVE-2025-55162).
    pub(super) fn delete(name: &str, how: Attributes<'_>) -> Self {
        // What knows no Max-Age knows Expires (RFC 6265 section 5.2).
        const LONG_AGO: &str = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        Self(format!("{name}=; Path=/; Max-Age=0; {LONG_AGO}{how}"))
    }
}

impl fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.split('=').next().unwrap_or_default();
        f.debug_tuple("SetCookie").field(&name).finish()
    }
}

// === impl Attributes ===

impl fmt::Display for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain {
            write!(f, "; Domain={domain}")?;
        }
        let same_site = match self.same_site {
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        };
        write!(f, "; Secure; HttpOnly; SameSite={same_site}")
    }
}

// === the session's cookies ===

impl Settings {
    /// Sets a cookie of the session in as many pieces as it needs, and deletes the pieces of a
    /// former value that the browser would go on to send beside it.
    pub(super) fn put(
        &self,
        cookies: &Cookies<'_>,
        name: &str,
        value: &str,
        lives: Duration,
    ) -> Vec<SetCookie> {
        let pieces = cut(name, value);
        let how = self.attributes();
        let set = pieces
            .iter()
            .map(|(name, value)| SetCookie::set(name, value, lives, how));
        let mut lines: Vec<_> = set.collect();
        for (carried, times) in cookies.carried(name) {
            if !pieces.iter().any(|(name, _)| name == carried) {
                lines.push(SetCookie::delete(carried, how));
            }
            if times > 1 {
                lines.extend(self.delete_elsewhere(carried));
            }
        }
        lines
    }

    /// Deletes a cookie of the session, as far as the request carries it.
    pub(super) fn delete(&self, cookies: &Cookies<'_>, name: &str) -> Vec<SetCookie> {
        let mut lines = Vec::new();
        for (carried, times) in cookies.carried(name) {
            lines.push(SetCookie::delete(carried, self.attributes()));
            if times > 1 {
                lines.extend(self.delete_elsewhere(carried));
            }
        }
        lines
    }

    /// Deletes all cookies of the session that the request carries.
    pub(super) fn delete_session(&self, cookies: &Cookies<'_>) -> Vec<SetCookie> {
        let mut lines = self.delete(cookies, self.names.token());
        lines.extend(self.delete(cookies, self.names.sealed()));
        lines
    }

    /// Deletes what a name has at other domains than ours. A browser sends a name twice where a
    /// neighbour set it too, or where `cookie.domain` was another once, and then two sessions might
    /// stand in each other's way for as long as they live.
    fn delete_elsewhere(&self, name: &str) -> Vec<SetCookie> {
        let host = self.host();
        let parents = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        // A name with one label alone takes no cookies.
        let domains = std::iter::once(host)
            .chain(parents)
            .filter(|name| name.contains('.'));
        let domains = std::iter::once(None).chain(domains.map(Some));
        let own = self.domain.as_deref();
        let elsewhere = domains.filter(|domain| *domain != own);
        let prefixed = self.names.token().starts_with("__Host-");
        elsewhere
            .filter(|domain| domain.is_none() || !prefixed)
            .map(|domain| {
                SetCookie::delete(
                    name,
                    Attributes {
                        domain,
                        ..self.attributes()
                    },
                )
            })
            .collect()
    }

    fn attributes(&self) -> Attributes<'_> {
        Attributes {
            domain: self.domain.as_deref(),
            same_site: self.same_site,
        }
    }
}
