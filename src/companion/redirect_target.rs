//! Where people are sent back: `rd`, judged as a browser would read it.
//!
//! Nothing is repaired and nothing is guessed. What is accepted has one form that all readers read
//! alike, and is written anew from what was understood: `https`, a DNS name that is allowed, no
//! port or one of two, a path that core would judge, and a query and a fragment that end nothing.
//! So there is no list of tricks here; the tests have one.
//!
//! A path alone (`/graph`) means the companion's own host, where a proxy may serve an app beside
//! `/oauth2/`. What lies under `/oauth2` there is refused however it is written: nobody should be
//! signed out, or sent around in circles, by having signed in.

use std::fmt::{self, Write as _};

use portcullis_core::policy::{HostPattern, Policy};
use portcullis_core::request::{self, is_dns_name};

use crate::site::Site;

#[cfg(test)]
mod tests;

/// The longest `rd` that is looked at, in bytes. It is kept in cookies with what else is remembered
/// of a sign-in.
const MAX_BYTES: usize = 4_096;

/// Hosts that people may be sent back to, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum HostRule {
    /// `.example.com`: any host under this domain, and not the domain itself.
    Below(String),
    /// `app.example.com`: this host alone.
    Exact(String),
    /// `*.example.com`: any host of exactly one label in front of this name.
    OneLabel(String),
}

/// The rules for one policy and one configuration.
#[derive(Clone, Debug)]
pub(crate) struct ReturnRules {
    site: Site,
    hosts: Vec<HostRule>,
}

/// A URL that people may be sent back to. Only [`ReturnRules::judge`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReturnTo {
    text: String,
    host: String,
}

/// Why nobody is sent there. It says nothing of the URL, so that it can be shown and logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refused {
    /// A tab, a line end or another control character, which browsers drop or obey.
    #[error("it holds a control character")]
    Control,
    /// Not a DNS name with perhaps a port: empty, a user in front, brackets, letters beyond ASCII.
    #[error("its host is not a plain name")]
    Host,
    /// Longer than is kept.
    #[error("it is too long")]
    Long,
    /// The companion's own pages.
    #[error("it is the companion's own page")]
    Own,
    /// A path that proxies, apps and browsers read differently.
    #[error("its path can be read in two ways")]
    Path,
    /// A port that is neither the default nor the companion's own.
    #[error("its port is another one")]
    Port,
    /// Neither `https://` nor a path.
    #[error("it is neither `https` nor a path")]
    Scheme,
    /// A host that is not allowed.
    #[error("its host is not allowed")]
    Unlisted,
}

impl ReturnRules {
    /// The rules where `hosts` are configured or, without that, the policy's hosts are meant. The
    /// companion's own host is always among them.
    pub(crate) fn new(site: &Site, hosts: Option<&[HostRule]>, policy: &Policy) -> Self {
        match hosts {
            Some(hosts) => Self::of(site, hosts),
            None => {
                let hosts = policy.apps().iter().flat_map(|app| app.hosts());
                Self::of(site, &hosts.map(HostRule::from).collect::<Vec<_>>())
            }
        }
    }

    /// The rules for these hosts and the companion's own.
    pub(super) fn of(site: &Site, hosts: &[HostRule]) -> Self {
        Self {
            site: site.clone(),
            hosts: hosts.to_vec(),
        }
    }

    /// Judges an `rd`, its percent-encoding as a part of a query taken off.
    pub(crate) fn judge(&self, text: &str) -> Result<ReturnTo, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::Long);
        }
        if text.chars().any(char::is_control) {
            return Err(Refused::Control);
        }
        let (authority, target) = if text.starts_with('/') {
            (None, text)
        } else {
            let (authority, target) = split(text)?;
            (Some(authority), target)
        };
        let (host, port) = match authority {
            Some(authority) => self.authority(authority)?,
            None => (self.site.host().to_owned(), self.site.port()),
        };
        let own = host == self.site.host();
        if !own && !self.hosts.iter().any(|rule| rule.has(&host)) {
            return Err(Refused::Unlisted);
        }
        let end = target.find(['?', '#']).unwrap_or(target.len());
        let (path, rest) = target.split_at(end);
        let path = if path.is_empty() { "/" } else { path };
        request::path(path.as_bytes()).map_err(|_| Refused::Path)?;
        if own && is_companions(path) {
            return Err(Refused::Own);
        }
        let mut written = format!("https://{host}");
        if port != 443 {
            let _ = write!(written, ":{port}");
        }
        for byte in path.bytes().chain(rest.bytes()) {
            // What browsers would encode, or take for a slash where they should not.
            if byte <= b' ' || byte >= 0x7f || b"\"<>`\\".contains(&byte) {
                let _ = write!(written, "%{byte:02X}");
            } else {
                written.push(char::from(byte));
            }
        }
        Ok(ReturnTo {
            text: written,
            host,
        })
    }

    /// Whether a URL, such as that of a page which leads here, has a host that people may be sent
    /// to, or the companion's own.
    pub(crate) fn has_host_of(&self, url: &url::Url) -> bool {
        let host = url.host_str().filter(|_| url.scheme() == "https");
        host.is_some_and(|host| {
            host == self.site.host() || self.hosts.iter().any(|rule| rule.has(host))
        })
    }

    fn authority(&self, text: &str) -> Result<(String, u16), Refused> {
        let (host, port) = match text.split_once(':') {
            None => (text, 443),
            Some((host, port)) => {
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse::<u16>().ok().filter(|_| digits);
                let allowed = |port: &u16| *port == 443 || *port == self.site.port();
                (host, port.filter(allowed).ok_or(Refused::Port)?)
            }
        };
        let host = host.to_ascii_lowercase();
        if is_dns_name(&host) {
            Ok((host, port))
        } else {
            Err(Refused::Host)
        }
    }
}

/// The authority of a URL, and what stands behind it.
fn split(text: &str) -> Result<(&str, &str), Refused> {
    const START: &str = "https://";
    let start = text.get(..START.len()).ok_or(Refused::Scheme)?;
    if !start.eq_ignore_ascii_case(START) {
        return Err(Refused::Scheme);
    }
    let rest = text.get(START.len()..).unwrap_or_default();
    Ok(rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())))
}

/// Whether a path belongs to the companion's own pages. A proxy may decode it before it looks.
fn is_companions(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    let mut plain = Vec::with_capacity(first.len());
    let mut rest = first.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *byte == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(decoded.unwrap_or(*byte));
        rest = behind
            .get(2..)
            .filter(|_| decoded.is_some())
            .unwrap_or(behind);
    }
    plain.eq_ignore_ascii_case(b"oauth2")
}

// === impl HostRule ===

impl HostRule {
    /// Reads a host in any case, with `*.` or a dot in front where more are meant.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, rule): (&str, fn(String) -> Self) = if let Some(name) = text.strip_prefix("*.") {
            (name, Self::OneLabel)
        } else if let Some(name) = text.strip_prefix('.') {
            (name, Self::Below)
        } else {
            (&text, Self::Exact)
        };
        is_dns_name(name).then(|| rule(name.to_owned()))
    }

    /// Whether it means this host, a DNS name in lower case.
    fn has(&self, host: &str) -> bool {
        match self {
            Self::Below(name) => {
                let before = host.strip_suffix(name.as_str());
                before.is_some_and(|before| before.ends_with('.'))
            }
            Self::Exact(name) => host == name,
            Self::OneLabel(name) => host.split_once('.').is_some_and(|(_, rest)| rest == name),
        }
    }
}

impl From<&HostPattern> for HostRule {
    fn from(pattern: &HostPattern) -> Self {
        match pattern {
            HostPattern::Exact(name) => Self::Exact(name.clone()),
            HostPattern::OneLabel(name) => Self::OneLabel(name.clone()),
        }
    }
}

// === impl ReturnTo ===

impl ReturnTo {
    /// The URL: absolute, in visible ASCII.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, and its port where it has one.
    pub(crate) fn authority(&self) -> &str {
        let behind = self.text.trim_start_matches("https://");
        behind.split(['/', '?', '#']).next().unwrap_or(behind)
    }

    /// Its host, which a page may show.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
