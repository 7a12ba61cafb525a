//! What a proxy tells of the original request.

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

/// How a proxy asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `/oauth2/auth`: the original request is told in headers. NGINX, Traefik, Caddy.
    Bare,
    /// `/oauth2/auth/<path>`: the request is the original one, with a longer path. Envoy's
    /// `ext_authz`.
    WithPath,
}

/// The original request, as it is told. Whether it can be read in one way only, core says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Original<'a> {
    method: &'a [u8],
    authority: &'a [u8],
    /// With its query.
    path: &'a [u8],
}

/// Why it is not clear what is asked. Names headers, and repeats nothing of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unclear {
    /// A part of the original request is missing.
    #[error("`{0}` is missing: the proxy must set it")]
    Missing(&'static str),
    /// A header stands there more than once.
    #[error("`{0}` stands there more than once: the proxy must set it in place of the client's")]
    Repeated(&'static str),
    /// `X-Original-URL` is not a URL with a path.
    #[error("`{ORIGINAL_URL}` is not scheme, host and path: `$scheme://$server_name$request_uri`")]
    Url,
    /// The scheme is not one of HTTP's.
    #[error("`{0}` names neither `http` nor `https`")]
    Scheme(&'static str),
    /// Two headers say different things of one request. One of them may be the client's.
    #[error("`{0}` contradicts the rest: the proxy must set it too, or drop the client's")]
    Contradicted(&'static str),
    /// The proxy serves another host than the request names.
    #[error("the request names another host than `host` in the query")]
    Host,
    /// The request wants to go on with another protocol.
    #[error("`upgrade` names another protocol than WebSocket, or `http2-settings` is there")]
    Upgrade,
    /// The query has a parameter that may have meant to narrow the verdict.
    #[error("the query has an `allowed_…` that is not known here")]
    Narrowing,
}

/// One family of headers that tells of the original request.
#[derive(Clone, Copy, Debug)]
struct Family<'a> {
    method: Part<'a>,
    /// It decides nothing: a session's cookies are `Secure`, and browsers name their origin. But a
    /// proxy that does not know it does not know what it is asked for.
    scheme: Part<'a>,
    authority: Part<'a>,
    path: Part<'a>,
}

/// A part of the original request, and the header that has it.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    header: &'static str,
    value: Option<&'a [u8]>,
}

// === impl Form ===

impl Form {
    /// The form of a request to [`PATH`] or below.
    pub(crate) fn of(uri: &Uri) -> Self {
        let below = uri.path().strip_prefix(PATH);
        if below.is_some_and(|path| path.starts_with('/')) {
            Self::WithPath
        } else {
            Self::Bare
        }
    }
}

// === impl Original ===

impl<'a> Original<'a> {
    /// Reads the one family of headers that tells all of the request. What another says besides must
    /// be the same: a client can send all of them, and a proxy sets but one.
    pub(super) fn read(request: &'a Parts, form: Form) -> Result<Self, Unclear> {
        let headers = &request.headers;
        let families = [Family::original(headers)?, Family::forwarded(headers)?];
        let told = match form {
            Form::WithPath => Family::own(request)?,
            Form::Bare => families
                .into_iter()
                .find(Family::is_there)
                .ok_or(Unclear::Missing(ORIGINAL_URL))?,
        };
        let original = Self {
            method: told.method.given()?,
            authority: told.authority.given()?,
            path: told.path.given()?,
        };
        if !matches!(told.scheme.given()?, b"http" | b"https") {
            return Err(Unclear::Scheme(told.scheme.header));
        }
        for family in families {
            told.agrees_with(&family)?;
        }
        Ok(original)
    }

    /// The host that is asked for, with the port where one was named.
    pub(super) const fn authority(&self) -> &'a [u8] {
        self.authority
    }

    /// The original request as core reads it. `headers` are those that came with the question, and
    /// the client's are among them.
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

// === impl Family ===

impl<'a> Family<'a> {
    /// `X-Original-URL` and `X-Original-Method`.
    fn original(headers: &'a HeaderMap) -> Result<Self, Unclear> {
        let part = |value| Part {
            header: ORIGINAL_URL,
            value,
        };
        let url = once(headers, ORIGINAL_URL)?;
        let url = url.map(|url| split(url).ok_or(Unclear::Url)).transpose()?;
        Ok(Self {
            method: Part::read(headers, ORIGINAL_METHOD)?,
            scheme: part(url.map(|(scheme, _, _)| scheme)),
            authority: part(url.map(|(_, authority, _)| authority)),
            path: part(url.map(|(_, _, path)| path)),
        })
    }

    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    fn forwarded(headers: &'a HeaderMap) -> Result<Self, Unclear> {
        Ok(Self {
            method: Part::read(headers, FORWARDED_METHOD)?,
            scheme: Part::read(headers, FORWARDED_PROTO)?,
            authority: Part::read(headers, FORWARDED_HOST)?,
            path: Part::read(headers, FORWARDED_URI)?,
        })
    }

    /// What the request itself says, in the form with a path. Its own scheme is that between the
    /// proxy and us.
    fn own(request: &'a Parts) -> Result<Self, Unclear> {
        let part = |header, value| Part { header, value };
        let mut authority = Part::read(&request.headers, "host")?;
        if let Some(named) = request.uri.authority() {
            let named = named.as_str().as_bytes();
            if authority.value.is_some_and(|host| host != named) {
                return Err(Unclear::Contradicted("host"));
            }
            authority.value = Some(named);
        }
        let path = request.uri.path_and_query();
        let path = path.and_then(|path| path.as_str().strip_prefix(PATH));
        Ok(Self {
            method: part(":method", Some(request.method.as_str().as_bytes())),
            scheme: Part::read(&request.headers, FORWARDED_PROTO)?,
            authority,
            path: part(":path", path.map(str::as_bytes)),
        })
    }

    const fn parts(&self) -> [Part<'a>; 4] {
        [self.method, self.scheme, self.authority, self.path]
    }

    /// Whether it says anything at all, so that it has to say everything.
    fn is_there(&self) -> bool {
        self.parts().iter().any(|part| part.value.is_some())
    }

    fn agrees_with(&self, other: &Self) -> Result<(), Unclear> {
        for (own, other) in self.parts().into_iter().zip(other.parts()) {
            if other.value.is_some() && other.value != own.value {
                return Err(Unclear::Contradicted(other.header));
            }
        }
        Ok(())
    }
}

// === impl Part ===

impl<'a> Part<'a> {
    fn read(headers: &'a HeaderMap, header: &'static str) -> Result<Self, Unclear> {
        let value = once(headers, header)?;
        Ok(Self { header, value })
    }

    fn given(self) -> Result<&'a [u8], Unclear> {
        self.value.ok_or(Unclear::Missing(self.header))
    }
}

/// The value of a header that may stand there once.
fn once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a [u8]>, Unclear> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Unclear::Repeated(name));
    }
    Ok(value.map(|value| value.as_bytes()))
}

/// Scheme, authority and path, the query with it.
fn split(url: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = url.windows(3).position(|three| three == b"://")?;
    let (scheme, rest) = url.split_at_checked(end)?;
    let rest = rest.get(3..)?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (authority, path) = rest.split_at_checked(slash)?;
    Some((scheme, authority, path))
}
