//! The names of header fields that an app lists.

use crate::caller::headers::{IDENTITIES, claims_identity, same, starts_with};
use crate::json::Json;
use crate::policy::error::{Location, PolicyError};
use crate::policy::{IdentityHeader, suggestion};
use crate::request::is_token;

/// Headers that requests need, or that have their own setting.
const NEVER_STRIPPED: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers with another meaning for browsers, proxies, apps or the gate; or, with `-` at the end, all that
/// begin like this.
const RESERVED: [&str; 34] = [
    "accept",
    "accept-",
    "access-control-",
    "cache-",
    "content-",
    "expect",
    "forwarded",
    "grpc-",
    "if-",
    "location",
    "origin",
    "proxy-",
    "range",
    "referer",
    "sec-",
    "set-cookie",
    "traceparent",
    "tracestate",
    "trailer",
    "true-client-ip",
    "user-agent",
    "via",
    "www-",
    "x-auth-request-",
    "x-client-ip",
    "x-envoy-",
    "x-forwarded-access-token",
    "x-http-method-",
    "x-method-override",
    "x-original-",
    "x-portcullis-",
    "x-real-ip",
    "x-request-",
    "x-rewrite-",
];

/// A field name by RFC 9110 section 5.1, in lower case.
fn name(text: &str, location: &Location) -> Result<String, PolicyError> {
    let name = text.to_ascii_lowercase();
    if name.starts_with(':') {
        let help = "remove it; it is part of the request, not a header";
        return Err(location.error_about(text, "is a pseudo-header", help));
    }
    if name.is_empty() || !name.bytes().all(is_token) {
        let help = "write a header name, like `x-webauth-user`";
        return Err(location.error_about(text, "is not a header name", help));
    }
    Ok(name)
}

/// A further header that is removed from every request.
pub(super) fn stripped(text: String, location: &Location) -> Result<String, PolicyError> {
    let name = name(&text, location)?;
    if same(name.as_bytes(), b"authorization") {
        let help = "remove it; `forward_authorization` controls it";
        return Err(location.error_about(&text, "is always removed unless forwarded", help));
    }
    if is_needed(&name) {
        let help = "remove it; requests do not work without it";
        return Err(location.error_about(&text, "is not an identity header", help));
    }
    Ok(name)
}

fn is_needed(name: &str) -> bool {
    NEVER_STRIPPED
        .into_iter()
        .any(|other| same(name.as_bytes(), other.as_bytes()))
}

/// The headers that tell an app who the caller is, by their names.
pub(super) fn identity_headers(
    wire: &Json,
    location: &Location,
) -> Result<Vec<IdentityHeader>, PolicyError> {
    let members = wire.as_object().unwrap_or_default();
    if members.is_empty() {
        let help = "write header names and identities, like {X-WEBAUTH-USER: email}";
        return Err(location.error("expected a mapping with at least one header", help));
    }
    let mut all: Vec<IdentityHeader> = Vec::new();
    for (text, identity) in members {
        let location = location.member(text);
        let name = name(text, &location)?;
        let is = |other: &IdentityHeader| same(name.as_bytes(), other.name.as_bytes());
        let (problem, help) = if is_needed(&name) || is_reserved(name.as_bytes()) {
            let help = "name a header without another meaning, like `X-WEBAUTH-USER`";
            ("can't be an identity header", help)
        } else if all.iter().any(is) {
            let help = "keep one: case does not matter, and other bytes than letters and digits count as `-`";
            ("is the same as another name to an app", help)
        } else {
            let identity = identity.as_str().unwrap_or_default();
            let known = IDENTITIES.iter().find(|(known, _)| *known == identity);
            let Some((_, source)) = known else {
                let help = suggestion(identity, &IDENTITIES.map(|(known, _)| known));
                return Err(location.error_about(identity, "is not an identity", &help));
            };
            all.push(IdentityHeader { name, source });
            continue;
        };
        return Err(location.error_about(text, problem, help));
    }
    Ok(all)
}

/// Whether a header has another meaning: also the `x-forwarded-*` of proxies, except those that identify
/// users.
fn is_reserved(name: &[u8]) -> bool {
    let is = |other: &&str| {
        if other.ends_with('-') {
            starts_with(name, other)
        } else {
            same(name, other.as_bytes())
        }
    };
    RESERVED.iter().any(is) || (is(&"x-forwarded-") && !claims_identity(name))
}
