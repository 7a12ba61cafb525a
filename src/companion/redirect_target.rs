//! Redirect targets (`rd`), checked as a browser would parse them.
//!
//! A target is never corrected. An accepted target is serialized again from its parsed parts, so that all
//! parsers read it alike: `https`, an allowed DNS name, an allowed port if any, a path that core accepts,
//! a query and a fragment. So attacks need not be recognized here; the tests have a list of them.
//!
//! A path without a host (`/graph`) is on the companion's own host, where a proxy may also serve an app.
//! Paths below `/oauth2` are rejected in any encoding, so that a sign-in can't end in a sign-out or in a
//! redirect loop.
//!
//! A target that is too long is replaced by the root of its host: the user is at the app then, and not at
//! an error.

use std::fmt::{self, Write as _};

use portcullis_core::policy::{HostPattern, Policy};
use portcullis_core::request::{self, is_dns_name};

use crate::public_url::PublicUrl;

#[cfg(test)]
mod tests;

/// The maximum length of `rd`, in bytes, as it came and as it is written. It is stored in the cookies of the
/// sign-in attempt, and each byte may become three in a URL. The filter's limit is the same.
const MAX_BYTES: usize = 8_192;

/// Allowed hosts of redirect targets. With a port, the targets may have this port too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostRule {
    hosts: Hosts,
    port: Option<u16>,
}

/// Hosts, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Hosts {
    /// `.example.com`: all subdomains, without the domain itself.
    Subdomains(String),
    /// `app.example.com`: this host only.
    Exact(String),
    /// `*.example.com`: names with exactly one more label.
    OneLabel(String),
}

/// The allowed redirect targets of one policy and one configuration.
#[derive(Clone, Debug)]
pub struct RedirectRules {
    site: PublicUrl,
    hosts: Vec<HostRule>,
}

/// An allowed redirect target. Only [`RedirectRules::check`] creates one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedirectTarget {
    text: String,
    host: String,
    is_shortened: bool,
}

/// Why a redirect target is rejected. It never quotes the target, so it can be shown and logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RedirectError {
    /// A tab, a line feed or another control character, which browsers remove or interpret.
    #[error("it has a control character")]
    Control,
    /// Not a DNS name with an optional port: empty, with a user, with brackets, or not ASCII.
    #[error("its host is not a DNS name")]
    Host,
    /// Longer than 8 KiB, and on the companion's own host, whose root may be no page.
    #[error("it is too long")]
    Long,
    /// A page of the companion itself.
    #[error("it is a sign-in page")]
    Own,
    /// A path that proxies, apps and browsers parse differently.
    #[error("its path is ambiguous")]
    Path,
    /// A port that is neither the default, nor the companion's own, nor one that the host's rule has.
    #[error("its port is not allowed")]
    Port,
    /// Neither `https://` nor a path.
    #[error("it is neither an `https` URL nor a path")]
    Scheme,
    /// A host that is not allowed.
    #[error("its host is not allowed")]
    Unlisted,
}

impl RedirectRules {
    /// The rules for the configured `hosts` or, without them, for the policy's hosts. The companion's own
    /// host is always allowed.
    pub fn new(site: &PublicUrl, hosts: Option<&[HostRule]>, policy: &Policy) -> Self {
        match hosts {
            Some(hosts) => Self::of(site, hosts),
            None => {
                let hosts = policy.apps().iter().flat_map(|app| app.hosts());
                Self::of(site, &hosts.map(HostRule::from).collect::<Vec<_>>())
            }
        }
    }

    /// The rules for these hosts and the companion's own.
    pub fn of(site: &PublicUrl, hosts: &[HostRule]) -> Self {
        Self {
            site: site.clone(),
            hosts: hosts.to_vec(),
        }
    }

    /// Checks an `rd`, percent-decoded as a query parameter.
    ///
    /// # Errors
    /// Why it is not allowed.
    pub fn check(&self, text: &str) -> Result<RedirectTarget, RedirectError> {
        if text.chars().any(char::is_control) {
            return Err(RedirectError::Control);
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
        let is_listed = self.hosts.iter().any(|rule| rule.allows(&host));
        if !own && !is_listed {
            return Err(RedirectError::Unlisted);
        }
        let mut written = format!("https://{host}");
        if port != 443 {
            let _ = write!(written, ":{port}");
        }
        let root = |mut origin: String, host: String| {
            origin.push('/');
            let root = RedirectTarget {
                text: origin,
                host,
                is_shortened: true,
            };
            is_listed.then_some(root).ok_or(RedirectError::Long)
        };
        if text.len() > MAX_BYTES {
            return root(written, host);
        }
        let origin = written.clone();
        let end = target.find(['?', '#']).unwrap_or(target.len());
        let (path, rest) = target.split_at(end);
        let path = if path.is_empty() { "/" } else { path };
        request::path(path.as_bytes()).map_err(|_| RedirectError::Path)?;
        if own && is_own_page(path) {
            return Err(RedirectError::Own);
        }
        for byte in path.bytes().chain(rest.bytes()) {
            // What browsers would encode, or parse as a slash.
            if byte <= b' ' || byte >= 0x7f || b"\"<>`\\".contains(&byte) {
                let _ = write!(written, "%{byte:02X}");
            } else {
                written.push(char::from(byte));
            }
        }
        // So that what is accepted now is accepted again when the attempt's cookie comes back.
        if written.len() > MAX_BYTES {
            return root(origin, host);
        }
        Ok(RedirectTarget {
            text: written,
            host,
            is_shortened: false,
        })
    }

    /// Whether a URL, such as a referrer, has our own origin, or one that a target may have. Another port is
    /// another origin (RFC 6454 section 4).
    pub fn has_origin_of(&self, url: &url::Url) -> bool {
        let host = url.host_str().filter(|_| url.scheme() == "https");
        let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
            return false;
        };
        let own_port = port == self.site.port();
        let is_own = own_port && host == self.site.host();
        let mut rules = self.hosts.iter().filter(|rule| rule.allows(host));
        is_own || rules.any(|rule| own_port || port == 443 || rule.port == Some(port))
    }

    fn authority(&self, text: &str) -> Result<(String, u16), RedirectError> {
        let (host, port) = match text.split_once(':') {
            None => (text, 443),
            Some((host, port)) => (host, port_number(port).ok_or(RedirectError::Port)?),
        };
        let host = host.to_ascii_lowercase();
        if !is_dns_name(&host) {
            return Err(RedirectError::Host);
        }
        let mut rules = self.hosts.iter();
        let is_listed = rules.any(|rule| rule.port == Some(port) && rule.allows(&host));
        if port == 443 || port == self.site.port() || is_listed {
            Ok((host, port))
        } else {
            Err(RedirectError::Port)
        }
    }
}

/// A port as browsers write it, or with leading zeros, which they remove.
fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The authority of a URL, and the rest.
fn split(text: &str) -> Result<(&str, &str), RedirectError> {
    const PREFIX: &str = "https://";
    let start = text.get(..PREFIX.len()).ok_or(RedirectError::Scheme)?;
    if !start.eq_ignore_ascii_case(PREFIX) {
        return Err(RedirectError::Scheme);
    }
    let rest = text.get(PREFIX.len()..).unwrap_or_default();
    Ok(rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())))
}

/// Whether a path belongs to the companion's own pages. A proxy may decode it before it routes.
fn is_own_page(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    let mut decoded_segment = Vec::with_capacity(first.len());
    let mut rest = first.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *byte == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded_segment.push(decoded.unwrap_or(*byte));
        rest = behind
            .get(2..)
            .filter(|_| decoded.is_some())
            .unwrap_or(behind);
    }
    decoded_segment.eq_ignore_ascii_case(b"oauth2")
}

// === impl HostRule ===

impl HostRule {
    /// Parses a host in any case, with a leading `*.` or dot for subdomains, and with an optional port.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (text, port) = match text.split_once(':') {
            Some((text, port)) => {
                let port = port_number(port).filter(|port| *port != 0);
                (text, Some(port?))
            }
            None => (&*text, None),
        };
        let (name, hosts): (&str, fn(String) -> Hosts) = if let Some(name) = text.strip_prefix("*.")
        {
            (name, Hosts::OneLabel)
        } else if let Some(name) = text.strip_prefix('.') {
            (name, Hosts::Subdomains)
        } else {
            (text, Hosts::Exact)
        };
        is_dns_name(name).then(|| Self {
            hosts: hosts(name.to_owned()),
            port,
        })
    }

    /// Whether it allows this host, a DNS name in lower case.
    fn allows(&self, host: &str) -> bool {
        self.hosts.have(host)
    }
}

impl Hosts {
    fn have(&self, host: &str) -> bool {
        match self {
            Self::Subdomains(name) => {
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
        let hosts = match pattern {
            HostPattern::Exact(name) => Hosts::Exact(name.clone()),
            HostPattern::OneLabel(name) => Hosts::OneLabel(name.clone()),
        };
        Self { hosts, port: None }
    }
}

// === impl RedirectTarget ===

impl RedirectTarget {
    /// The URL: absolute, in visible ASCII.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, and its port where it has one.
    pub fn authority(&self) -> &str {
        let behind = self.text.trim_start_matches("https://");
        behind.split(['/', '?', '#']).next().unwrap_or(behind)
    }

    /// The root of its host: a URL with the path `/`.
    pub fn root(&self) -> String {
        format!("https://{}/", self.authority())
    }

    /// Whether it is the root of the host because the requested one was too long.
    pub fn is_shortened(&self) -> bool {
        self.is_shortened
    }

    /// Its host, which a page may show.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for RedirectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
