//! The URLs of issuers and of their documents.

use std::fmt;

use crate::request::is_dns_name;

#[cfg(test)]
mod tests;

/// An absolute `https` URL without user information or fragment, as authority and path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    authority: String,
    path: String,
}

impl Url {
    /// Parses an absolute URL: `https`, a host, optionally a port and a path, and nothing else.
    /// `None` if it is ambiguous.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://")?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, ["/", path].concat()),
            None => (rest, "/".to_owned()),
        };
        let authority = authority.to_ascii_lowercase();
        (is_authority(&authority) && is_path(&path)).then_some(Self { authority, path })
    }

    /// Parses the URL of a document, which may have a query too.
    pub fn parse_document(text: &str) -> Option<Self> {
        let Some((text, query)) = text.split_once('?') else {
            return Self::parse(text);
        };
        let url = Self::parse(text).filter(|_| query.split('?').all(is_encoded))?;
        let path = [&url.path, "?", query].concat();
        Some(Self { path, ..url })
    }

    /// The URL of an issuer's metadata (OpenID Connect Discovery section 4): one
    /// trailing slash of the issuer goes.
    pub fn discovery(issuer: &str) -> Option<Self> {
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        Self::parse(&[base, "/.well-known/openid-configuration"].concat())
    }

    /// Host and port for `:authority`, in lower case.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path, which begins with a slash, and the query if there is one.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in ["https://", &self.authority, &self.path] {
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// A DNS name, an IPv4 address or an IPv6 address in brackets, and optionally a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
            if address.matches(':').count() < 2 || !address.bytes().all(hex) {
                return false;
            }
            (None, port)
        }
        None => match text.find(':').and_then(|at| text.split_at_checked(at)) {
            Some((host, port)) => (Some(host), port),
            None => (Some(text), ""),
        },
    };
    host.is_none_or(is_dns_name) && (port.is_empty() || is_port(port))
}

/// A colon and a decimal number from 1 to 65535.
fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or_default();
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.parse::<u16>().is_ok_and(|port| port != 0)
}

/// What RFC 3986 section 3.3 allows in a path, and no dot segment.
fn is_path(text: &str) -> bool {
    is_encoded(text)
        && !text
            .split('/')
            .any(|segment| segment == "." || segment == "..")
}

/// What RFC 3986 section 3.3 allows in a path, every `%` with its two digits.
fn is_encoded(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
    let code = |code: &str| {
        code.get(..2)
            .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    text.bytes().all(plain) && text.split('%').skip(1).all(code)
}
