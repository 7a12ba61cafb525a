//! Which header fields of a request are forwarded, and to whom.

#[cfg(test)]
mod tests;

use crate::caller::headers::{claims_identity, same};
use crate::policy::{App, Policy};

/// Whether a header field of the client is forwarded to the app. Identity headers are not, and
/// `authorization` only with `forward_authorization`.
pub(super) fn is_forwarded(name: &[u8], app: Option<&App>) -> bool {
    // A pseudo-header field is a part of the request line, however an app spells its name.
    if name.starts_with(b":") {
        return true;
    }
    let is = |other: &str| same(name, other.as_bytes());
    if is("authorization") {
        return app.is_some_and(App::forward_authorization);
    }
    !claims_identity(name) && !app.is_some_and(|app| app.strip_headers().iter().any(|own| is(own)))
}

/// Whether a trailer of the client is forwarded. Some servers merge trailers into the headers, so no
/// trailer may have a name that any app trusts; `authorization` and `cookie` have no use there.
pub(super) fn is_trailer_forwarded(name: &[u8], policy: &Policy) -> bool {
    let is_cookie = same(name, b"cookie");
    name.starts_with(b":") || (!is_cookie && is_forwarded(name, None) && !policy.strips(name))
}

/// Whether a header field of the client is forwarded to the companion on its own host: also
/// `authorization`, and the headers in which proxies describe the original request.
pub(super) fn is_forwarded_to_companion(name: &[u8]) -> bool {
    let original = name
        .get(.."x-original-".len())
        .is_some_and(|head| same(head, b"x-original-"));
    original || same(name, b"authorization") || is_forwarded(name, None)
}
