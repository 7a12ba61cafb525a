//! The canonical form of a request. A request that a proxy and an app could read differently has none
//! and is refused, because the app would handle another request than the one that was evaluated.

mod path;

pub use path::{lenient_path, path};

/// The header fields of a request as they arrived, pseudo-header fields (`:method`, `:path`,
/// `:authority`) among them. Values are bytes: HTTP allows 0x80 to 0xff in them.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    is_followed: bool,
}

/// A request in canonical form.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    method: &'a str,
    host: String,
    path: &'a str,
    has_encoded_separator: bool,
}

/// Why a request has no canonical form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Ambiguity {
    /// Several lengths of the body, or one that is not a decimal number (RFC 9110 section 8.6). Some proxies
    /// forward it over HTTP/2.
    #[error("the content length is repeated or malformed")]
    ContentLength,
    /// No host, several of them, or one that is not a DNS name with an optional port.
    #[error("the host is missing, repeated or not a DNS name")]
    Host,
    /// No method, several of them, `CONNECT`, or one that is not a token of RFC 9110.
    #[error("the method is missing, repeated, CONNECT or malformed")]
    Method,
    /// No path, several of them, or one that does not start with a slash.
    #[error("the path is missing, repeated or does not start with a slash")]
    NoPath,
    /// A byte that is not visible ASCII, or a fragment.
    #[error("the path contains a fragment or a byte outside visible ASCII")]
    PathByte,
    /// A backslash or a semicolon.
    #[error("the path contains a backslash or a semicolon")]
    PathSeparator,
    /// An invalid percent-encoding, one of a control character, a line separator, a dot, a separator or a
    /// look-alike of a slash, or another percent-encoding, or bytes that are not UTF-8.
    #[error("the path contains an ambiguous percent-encoding")]
    PathEncoding,
    /// An empty segment that is not the last one, or a segment that a server may read as `.`, `..` or
    /// empty: also one of look-alike dots, or with blanks around the dots.
    #[error("the path contains an empty or a dot segment")]
    PathSegment,
    /// More than 256 segments. The patterns of rules are compared with each of them.
    #[error("the path has more than 256 segments")]
    PathDepth,
}

/// The kind of client, which determines the form of a local reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Client {
    /// A browser that shows the response as a page: after a navigation, or after it has sent a form.
    Browser,
    /// A gRPC client, which reads `grpc-status`.
    Grpc,
    /// Anything else.
    Program,
}

impl<'a> Headers<'a> {
    /// The fields, each a name and a value, in the order of arrival.
    pub const fn new(fields: Vec<(&'a [u8], &'a [u8])>) -> Self {
        Self {
            fields,
            is_followed: false,
        }
    }

    /// The same, where it is known whether these fields are the whole request, or a body or trailers
    /// follow. A proxy knows that from the framing: HTTP/2 needs no field for it, and Envoy removes
    /// `Transfer-Encoding`.
    #[must_use]
    pub fn whole(self, is_whole: bool) -> Self {
        Self {
            is_followed: !is_whole,
            ..self
        }
    }

    /// The fields, each a name and a value, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.fields.iter().copied()
    }

    /// The values of all fields of this name, ignoring case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The value of the only field of this name; `None` if there is none, or more than one.
    pub fn only(&self, name: &str) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The request ID that the proxy in front has set, if there is exactly one and it is safe to show and to
    /// log: a client may have sent it.
    pub(crate) fn request_id(&self) -> Option<&'a str> {
        self.only("x-request-id").and_then(request_id)
    }

    /// Whether there is a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The kind of client. A browser sends `Sec-Fetch-Mode: navigate` or, without that field, an Accept
    /// that lists `text/html`.
    pub fn client(&self) -> Client {
        let shows_page = if self.has("sec-fetch-mode") {
            self.only("sec-fetch-mode") == Some(b"navigate")
        } else {
            self.all("accept").any(lists_html)
        };
        if self.only("content-type").is_some_and(is_grpc) {
            Client::Grpc
        } else if shows_page {
            Client::Browser
        } else {
            Client::Program
        }
    }

    /// Whether this is a GET. Only a GET of a browser is redirected: a redirect loses the body of any other
    /// request.
    pub(crate) fn is_get(&self) -> bool {
        self.only(":method") == Some(b"GET")
    }

    /// Whether this is a request for an upgrade to another protocol, such as WebSocket (RFC 9110 section
    /// 7.8, RFC 8441 section 4).
    pub(crate) fn is_upgrade(&self) -> bool {
        let upgrades = |option: &[u8]| option.eq_ignore_ascii_case(b"upgrade");
        self.has("upgrade") || self.has(":protocol") || self.connection_options().any(upgrades)
    }

    /// The options of all Connection fields (RFC 9110 section 7.6.1), in the order of arrival and
    /// without what surrounds them. An option may be empty.
    pub(crate) fn connection_options(&self) -> impl Iterator<Item = &'a [u8]> {
        let values = self.all("connection");
        let options = values.flat_map(|value| value.split(|byte| *byte == b','));
        options.map(|option| trim(option, |byte| !is_token(byte)))
    }

    /// Whether this is a CORS preflight: a browser asks for permission before the request itself, and
    /// sends no credentials with it (Fetch standard, section 4.8). A preflight has no body and is no
    /// upgrade, which would open a tunnel to the app.
    pub fn is_preflight(&self) -> bool {
        let given = |name| self.only(name).is_some_and(|value| !value.is_empty());
        self.only(":method") == Some(b"OPTIONS")
            && given("origin")
            && given("access-control-request-method")
            && !self.is_upgrade()
            && !self.has_body()
    }

    /// Whether a body follows, or the header fields announce one (RFC 9112 section 6.3).
    fn has_body(&self) -> bool {
        self.is_followed
            || self.has("transfer-encoding")
            || self.all("content-length").any(|length| length != b"0")
    }
}

impl<'a> Request<'a> {
    /// Reads the canonical form: host lower-cased and without its port, path without its query.
    pub fn read(headers: &Headers<'a>) -> Result<Self, Ambiguity> {
        let method = headers
            .only(":method")
            .and_then(method)
            .ok_or(Ambiguity::Method)?;
        let host = host(headers).ok_or(Ambiguity::Host)?;
        let is_number = |length: &[u8]| !length.is_empty() && length.iter().all(u8::is_ascii_digit);
        if headers.has("content-length") && !headers.only("content-length").is_some_and(is_number) {
            return Err(Ambiguity::ContentLength);
        }
        let path = headers.only(":path").ok_or(Ambiguity::NoPath)?;
        let (path, has_encoded_separator) = lenient_path(path)?;
        Ok(Self {
            method,
            host,
            path,
            has_encoded_separator,
        })
    }

    /// The method, case-sensitive as everywhere in HTTP.
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// The host: a DNS name in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path without its query.
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// Whether the path contains an encoded slash, backslash, `;`, `?` or `#`, which servers read
    /// differently.
    pub const fn has_encoded_separator(&self) -> bool {
        self.has_encoded_separator
    }
}

fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

fn lists_html(accept: &[u8]) -> bool {
    accept.split(|byte| *byte == b',').any(|range| {
        let kind = range.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/html")
    })
}

/// Whether a byte may be part of a token, such as a method or a field name (RFC 9110 section 5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
        | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// A request ID, if it is safe to show and to log: 1 to 64 letters, digits, `-`, `_` and `.`.
pub fn request_id(value: &[u8]) -> Option<&str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_plain = (1..=64).contains(&value.len()) && value.iter().all(plain);
    std::str::from_utf8(value).ok().filter(|_| is_plain)
}

/// The text without the bytes at either end that match.
fn trim(text: &[u8], matches: impl Fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|byte| !matches(*byte));
    let end = text.iter().rposition(|byte| !matches(*byte));
    match (start, end) {
        (Some(start), Some(end)) => text.get(start..=end).unwrap_or_default(),
        _ => &[],
    }
}

fn method(value: &[u8]) -> Option<&str> {
    if value.is_empty() || value == b"CONNECT" || !value.iter().copied().all(is_token) {
        return None;
    }
    std::str::from_utf8(value).ok()
}

/// The requested host, lower-cased and without its port; `None` if it is missing, repeated or not a DNS
/// name: it may have no user information, address literal in brackets, trailing dot or empty port.
pub(crate) fn host(headers: &Headers<'_>) -> Option<String> {
    let authority = headers.only(":authority")?;
    let authority = std::str::from_utf8(authority).ok()?;
    let name = match authority.split_once(':') {
        Some((name, port)) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            port.parse::<u16>()
                .ok()
                .filter(|port| digits && *port != 0)?;
            name
        }
        None => authority,
    };
    let name = name.to_ascii_lowercase();
    is_dns_name(&name).then_some(name)
}

/// Whether this is a DNS name: labels of 1 to 63 lower-case letters, digits and `-`, no `-` at
/// either end of a label, no trailing dot, at most 253 bytes.
pub fn is_dns_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests;
