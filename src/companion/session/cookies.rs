//! Cookies: those of a request, and the `Set-Cookie` lines of a response.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use portcullis_core::session::{MAX_CHUNKS, candidates, pairs, split_cookie};

use super::settings::{SameSite, SessionSettings};

#[cfg(test)]
mod tests;

/// The maximum number of names that are looked at. No browser sends more of ours.
const MAX_NAMES: usize = 64;

/// The maximum number of lines for one of our cookies, which other hosts of its domain can set too, in chunks and
/// several times. Envoy accepts 100 fields in the header of a response.
const MAX_LINES: usize = 24;

/// The name and the value of a cookie.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The cookies of a request.
#[derive(Clone)]
pub(crate) struct Cookies<'a> {
    pairs: Vec<Pair<'a>>,
}

/// The value of a `Set-Cookie` header. It is a credential, so `Debug` shows only the name.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct SetCookie(String);

/// The attributes of a cookie that vary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a> {
    pub(super) domain: Option<&'a str>,
    pub(super) same_site: SameSite,
}

// === impl Cookies ===

impl<'a> Cookies<'a> {
    /// The cookies of these `Cookie` headers. HTTP/2 may split one header (RFC 9113 section 8.2.3).
    pub(crate) fn read(headers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self {
            pairs: headers.into_iter().flat_map(pairs).collect(),
        }
    }

    /// The possible values of a cookie, with chunks joined: see [`candidates`].
    pub(super) fn candidates(&self, name: &str) -> Vec<std::borrow::Cow<'a, str>> {
        candidates(self.pairs.iter().copied(), name)
    }

    /// The values of the cookies with exactly this name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let of_name = self
            .pairs
            .iter()
            .filter(move |(own, _)| *own == name.as_bytes());
        of_name.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The names under which the request has this cookie, whole or in chunks, with their counts.
    fn names_of(&self, name: &str) -> Vec<(&'a str, usize)> {
        let names = self
            .pairs
            .iter()
            .filter_map(|pair| chunk_name(pair.0, name).map(|own| (own, *pair)));
        let counts = grouped(names).into_iter();
        counts.map(|(own, pairs)| (own, pairs.len())).collect()
    }

    /// The size of all cookies, in bytes.
    pub(super) fn size(&self) -> usize {
        let sizes = self
            .pairs
            .iter()
            .map(|(name, value)| name.len() + value.len());
        sizes.sum()
    }

    /// Our cookies whose names begin with `prefix`, by name without the numbers of chunks.
    pub(super) fn with_prefix(&self, prefix: &str) -> Vec<(&'a str, Self)> {
        let names = self.pairs.iter().filter_map(|pair| {
            let own = std::str::from_utf8(pair.0).ok()?;
            let own = match own.rsplit_once('.') {
                Some((name, number)) if is_number(number) => name,
                Some(_) | None => own,
            };
            let plain = |rest: &str| rest.bytes().all(is_base64url);
            own.strip_prefix(prefix)
                .is_some_and(plain)
                .then_some((own, *pair))
        });
        let groups = grouped(names).into_iter();
        groups.map(|(own, pairs)| (own, Self { pairs })).collect()
    }
}

/// Cookies by name, in the order in which the names come first: at most [`MAX_NAMES`] names. The time is linear,
/// because a client can send thousands of cookies.
fn grouped<'a>(named: impl Iterator<Item = (&'a str, Pair<'a>)>) -> Vec<(&'a str, Vec<Pair<'a>>)> {
    let mut groups: Vec<(&str, Vec<Pair<'_>>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (name, pair) in named {
        let known = places.get(name).copied();
        if let Some((_, pairs)) = known.and_then(|at| groups.get_mut(at)) {
            pairs.push(pair);
        } else if groups.len() < MAX_NAMES {
            places.insert(name, groups.len());
            groups.push((name, vec![pair]));
        }
    }
    groups
}

/// The name, if it is `name` or that of a chunk of it.
fn chunk_name<'a>(own: &'a [u8], name: &str) -> Option<&'a str> {
    let own = std::str::from_utf8(own).ok()?;
    let ours = match own.strip_prefix(name)?.split_at_checked(1) {
        None => true,
        Some((".", number)) => is_number(number),
        Some(_) => false,
    };
    ours.then_some(own)
}

/// Whether it is the number of a chunk as we write it. Other hosts of the domain may have set any.
fn is_number(text: &str) -> bool {
    (0..MAX_CHUNKS).any(|number| number.to_string() == text)
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
    /// The value of the header, in visible ASCII.
    pub(crate) fn header(&self) -> &str {
        &self.0
    }

    /// Whether it is the cookie of exactly this name.
    pub(super) fn is_of(&self, name: &str) -> bool {
        let rest = self.0.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('='))
    }

    /// Sets a cookie for `ttl`.
    pub(super) fn set(name: &str, value: &str, ttl: Duration, attributes: Attributes<'_>) -> Self {
        Self(format!(
            "{name}={value}; Path=/; Max-Age={}{attributes}",
            ttl.as_secs()
        ))
    }

    /// Deletes a cookie. A browser does so only if name, path and domain are those of the cookie,
    /// and for a prefixed name only with `Secure` (CVE-2025-55162).
    pub(super) fn delete(name: &str, attributes: Attributes<'_>) -> Self {
        // For clients without Max-Age (RFC 6265 section 5.2).
        const LONG_AGO: &str = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        Self(format!(
            "{name}=; Path=/; Max-Age=0; {LONG_AGO}{attributes}"
        ))
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

/// Deletes a cookie under each of its names in the request, whole and in chunks.
pub(super) fn delete_chunks(
    cookies: &Cookies<'_>,
    name: &str,
    attributes: Attributes<'_>,
) -> Vec<SetCookie> {
    let names = cookies.names_of(name).into_iter();
    names
        .map(|(sent, _)| SetCookie::delete(sent, attributes))
        .collect()
}

// === the session's cookies ===

impl SessionSettings {
    /// Sets a cookie of the session, in as many chunks as it needs, and deletes the remaining chunks of the
    /// previous value.
    pub(super) fn set(
        &self,
        cookies: &Cookies<'_>,
        name: &str,
        value: &str,
        ttl: Duration,
    ) -> Vec<SetCookie> {
        let chunks = split_cookie(name, value);
        let attributes = self.attributes();
        let set = chunks
            .iter()
            .map(|(name, value)| SetCookie::set(name, value, ttl, attributes));
        let mut lines: Vec<_> = set.collect();
        let is_set = |sent: &str| chunks.iter().any(|(name, _)| name == sent);
        self.delete_names(&cookies.names_of(name), is_set, &mut lines);
        lines
    }

    /// Deletes a cookie of the session, under each name in the request.
    pub(super) fn delete(&self, cookies: &Cookies<'_>, name: &str) -> Vec<SetCookie> {
        let mut lines = Vec::new();
        self.delete_names(&cookies.names_of(name), |_| false, &mut lines);
        lines
    }

    /// Adds the lines that delete these names, with their counts: first those that are not set, and then those that
    /// came more than once at other domains.
    fn delete_names(
        &self,
        names: &[(&str, usize)],
        is_set: impl Fn(&str) -> bool,
        lines: &mut Vec<SetCookie>,
    ) {
        let unset = names.iter().filter(|(sent, _)| !is_set(sent));
        lines.extend(unset.map(|(sent, _)| SetCookie::delete(sent, self.attributes())));
        for (sent, _) in names.iter().filter(|(_, times)| *times > 1) {
            lines.extend(self.delete_at_other_domains(sent));
        }
        lines.truncate(MAX_LINES);
    }

    /// Deletes all cookies of the session that are in the request.
    pub(super) fn delete_session(&self, cookies: &Cookies<'_>) -> Vec<SetCookie> {
        let mut lines = self.delete(cookies, self.names.token());
        lines.extend(self.delete(cookies, self.names.sealed()));
        lines
    }

    /// Deletes the cookies of a name at other domains. A browser sends a name twice if a neighbouring host
    /// has set it too, or after a change of `cookie.domain`. Two sessions could then conflict until they
    /// end.
    fn delete_at_other_domains(&self, name: &str) -> Vec<SetCookie> {
        let host = self.host();
        let parents = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        // Browsers reject cookies for a single label.
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
