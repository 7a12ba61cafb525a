//! The original request, as the proxy describes it.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use portcullis_core::request::Headers;

use super::PATH;
use super::upgrade::opens_websocket;

#[cfg(test)]
mod tests;

const ORIGINAL_URL: &str = "x-original-url";
const ORIGINAL_METHOD: &str = "x-original-method";
const FORWARDED_METHOD: &str = "x-forwarded-method";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_URI: &str = "x-forwarded-uri";

/// The schemes of a request.
const HTTP: &[u8] = b"http";
const HTTPS: &[u8] = b"https";

/// How a proxy's request describes the original request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RequestFormat {
    /// `/oauth2/auth`, with the original request in headers: NGINX, Traefik, Caddy.
    InHeaders,
    /// `/oauth2/auth/<path>`, with the method, host, path and query of the original request: Envoy's
    /// `ext_authz`.
    InPath,
}

/// The original request, as the proxy describes it. Core checks whether it is ambiguous.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Original<'a> {
    method: &'a [u8],
    authority: &'a [u8],
    /// Including the query.
    path: &'a [u8],
}

/// Why the original request is ambiguous. The message names headers and parameters and never quotes their values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AmbiguousRequest {
    /// A part of the original request is missing.
    #[error("missing header `{0}`; help: set it in the proxy")]
    Missing(&'static str),
    /// A header occurs more than once.
    #[error("duplicate header `{0}`; help: let the proxy replace the client's")]
    Repeated(&'static str),
    /// `X-Original-URL` is not a URL with a path.
    #[error(
        "`{ORIGINAL_URL}` is not a URL with scheme, host and path; \
         help: for NGINX, set it to `$scheme://$server_name$request_uri`"
    )]
    Url,
    /// The scheme is neither `http` nor `https`, nor that of a WebSocket.
    #[error("the scheme in `{0}` is none of `http`, `https`, `ws` and `wss`")]
    Scheme(&'static str),
    /// Two headers contradict each other. One of them may be the client's.
    #[error(
        "`{0}` contradicts the other headers; help: set it in the proxy too, or remove it there"
    )]
    Contradicted(&'static str),
    /// The request is for another host than the proxy serves.
    #[error("the host of the request differs from the query parameter `host`")]
    Host,
    /// The request upgrades to another protocol.
    #[error("`upgrade` to a protocol other than WebSocket, or `http2-settings`")]
    Upgrade,
    /// The query has an unknown parameter: its name, if it is short and plain.
    #[error(
        "unknown query parameter{}; expected one of: allowed_groups, allowed_emails, allowed_email_domains, host, rd; \
         help: correct the URL in the proxy, which must not send the client's query",
        .0.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default()
    )]
    Parameter(Option<String>),
}

/// A group of headers that describes the original request.
#[derive(Clone, Copy, Debug)]
struct HeaderGroup<'a> {
    method: Part<'a>,
    /// Required, because a proxy that does not send it is misconfigured. The decision does not depend on
    /// it: session cookies are `Secure`, and browsers send the origin.
    scheme: Part<'a>,
    authority: Part<'a>,
    path: Part<'a>,
}

/// A part of the original request, and the header that it is read from.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    header: &'static str,
    value: Option<&'a [u8]>,
}

// === impl RequestFormat ===

impl RequestFormat {
    /// The format of a request to [`PATH`] or below.
    pub(crate) fn of(uri: &Uri) -> Self {
        let below = uri.path().strip_prefix(PATH);
        if below.is_some_and(|path| path.starts_with('/')) {
            Self::InPath
        } else {
            Self::InHeaders
        }
    }
}

// === impl Original ===

impl<'a> Original<'a> {
    /// Reads the first group of headers that is present, which must be complete. No other group may
    /// contradict it: a client can send all of them, and a proxy sets one.
    pub(super) fn read(
        request: &'a Parts,
        format: RequestFormat,
    ) -> Result<Self, AmbiguousRequest> {
        let headers = &request.headers;
        let groups = [
            HeaderGroup::original(headers)?,
            HeaderGroup::forwarded(headers)?,
        ];
        let described = match format {
            RequestFormat::InPath => HeaderGroup::own(request)?,
            RequestFormat::InHeaders => groups
                .into_iter()
                .find(HeaderGroup::is_present)
                .ok_or(AmbiguousRequest::Missing(ORIGINAL_URL))?,
        };
        let original = Self {
            method: described.method.not_empty()?,
            authority: described.authority.not_empty()?,
            path: described.path.not_empty()?,
        };
        if !matches!(described.scheme.required()?, HTTP | HTTPS) {
            return Err(AmbiguousRequest::Scheme(described.scheme.header));
        }
        for group in groups {
            described.check_consistent(&group)?;
        }
        Ok(original)
    }

    /// The host, with the port where there is one.
    pub(super) const fn authority(&self) -> &'a [u8] {
        self.authority
    }

    /// The original request as core's type. `headers` are those of the proxy's request, which include
    /// those of the client.
    pub(super) fn headers(&self, headers: &'a HeaderMap) -> Headers<'a> {
        let mut fields: Vec<(&[u8], &[u8])> = vec![
            (b":method", self.method),
            (b":authority", self.authority),
            (b":path", self.path),
        ];
        let client = headers.iter();
        fields.extend(client.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())));
        if opens_websocket(headers) {
            fields.push((b"upgrade", b"websocket"));
        }
        Headers::new(fields)
    }
}

// === impl HeaderGroup ===

impl<'a> HeaderGroup<'a> {
    /// `X-Original-URL` and `X-Original-Method`.
    fn original(headers: &'a HeaderMap) -> Result<Self, AmbiguousRequest> {
        let part = |value| Part {
            header: ORIGINAL_URL,
            value,
        };
        let url = once(headers, ORIGINAL_URL)?;
        let url = url
            .map(|url| split(url).ok_or(AmbiguousRequest::Url))
            .transpose()?;
        Ok(Self {
            method: Part::read(headers, ORIGINAL_METHOD)?,
            scheme: part(url.map(|(scheme, _, _)| scheme)).as_http(),
            authority: part(url.map(|(_, authority, _)| authority)),
            path: part(url.map(|(_, _, path)| path)),
        })
    }

    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    fn forwarded(headers: &'a HeaderMap) -> Result<Self, AmbiguousRequest> {
        Ok(Self {
            method: Part::read(headers, FORWARDED_METHOD)?,
            scheme: Part::read(headers, FORWARDED_PROTO)?.as_http(),
            authority: Part::read(headers, FORWARDED_HOST)?,
            path: Part::read(headers, FORWARDED_URI)?,
        })
    }

    /// The request itself, in the format [`RequestFormat::InPath`]. The scheme is in a header, because the
    /// scheme of the request is that of the connection from the proxy.
    fn own(request: &'a Parts) -> Result<Self, AmbiguousRequest> {
        let part = |header, value| Part { header, value };
        let mut authority = Part::read(&request.headers, "host")?;
        if let Some(in_target) = request.uri.authority() {
            let in_target = in_target.as_str().as_bytes();
            if authority.value.is_some_and(|host| host != in_target) {
                return Err(AmbiguousRequest::Contradicted("host"));
            }
            authority.value = Some(in_target);
        }
        let path = request.uri.path_and_query();
        let path = path.and_then(|path| path.as_str().strip_prefix(PATH));
        Ok(Self {
            method: part(":method", Some(request.method.as_str().as_bytes())),
            scheme: Part::read(&request.headers, FORWARDED_PROTO)?.as_http(),
            authority,
            path: part(":path", path.map(str::as_bytes)),
        })
    }

    const fn parts(&self) -> [Part<'a>; 4] {
        [self.method, self.scheme, self.authority, self.path]
    }

    /// Whether any part is present.
    fn is_present(&self) -> bool {
        self.parts().iter().any(|part| part.value.is_some())
    }

    fn check_consistent(&self, other: &Self) -> Result<(), AmbiguousRequest> {
        for (own, other) in self.parts().into_iter().zip(other.parts()) {
            if other.value.is_some() && other.value != own.value {
                return Err(AmbiguousRequest::Contradicted(other.header));
            }
        }
        Ok(())
    }
}

// === impl Part ===

impl<'a> Part<'a> {
    fn read(headers: &'a HeaderMap, header: &'static str) -> Result<Self, AmbiguousRequest> {
        let value = once(headers, header)?;
        Ok(Self { header, value })
    }

    /// The scheme of HTTP for that of a WebSocket, which Traefik sends for an upgrade (RFC 6455 section 3).
    fn as_http(self) -> Self {
        let value = self.value.map(|scheme| match scheme {
            b"ws" => HTTP,
            b"wss" => HTTPS,
            _ => scheme,
        });
        Self { value, ..self }
    }

    fn required(self) -> Result<&'a [u8], AmbiguousRequest> {
        self.value.ok_or(AmbiguousRequest::Missing(self.header))
    }

    /// The value, if it is not empty: an empty one counts as missing.
    fn not_empty(self) -> Result<&'a [u8], AmbiguousRequest> {
        let value = self.value.filter(|value| !value.is_empty());
        value.ok_or(AmbiguousRequest::Missing(self.header))
    }
}

/// The value of a header that may occur at most once.
fn once<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a [u8]>, AmbiguousRequest> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(AmbiguousRequest::Repeated(name));
    }
    Ok(value.map(|value| value.as_bytes()))
}

/// The scheme, the authority, and the path with the query.
fn split(url: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = url.windows(3).position(|three| three == b"://")?;
    let (scheme, rest) = url.split_at_checked(end)?;
    let rest = rest.get(3..)?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (authority, path) = rest.split_at_checked(slash)?;
    Some((scheme, authority, path))
}
