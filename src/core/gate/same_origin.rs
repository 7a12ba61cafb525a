//! Whether a request comes from a page of another origin, which a user's session alone must not
//! allow: behind a gate that accepts cookies, apps without a CSRF defence could be attacked from other
//! hosts of the same domain.

use crate::policy::App;
use crate::request::{Headers, Request};

/// Whether a request with a session has to come from the app's own origin, and does not. Safe methods
/// are exempt: no page of another origin can read the response.
pub(super) fn is_cross_site(request: &Request<'_>, headers: &Headers<'_>, app: &App) -> bool {
    let reads = matches!(request.method(), "GET" | "HEAD" | "OPTIONS");
    (!reads || headers.is_upgrade()) && !comes_from_allowed_origin(headers, app)
}

/// By `Sec-Fetch-Site`, which no page can set, or by `Origin` for browsers that don't send it. A
/// request with neither does not come from a page.
fn comes_from_allowed_origin(headers: &Headers<'_>, app: &App) -> bool {
    let origin = headers.only("origin");
    let is_allowed = origin.is_some_and(|origin| {
        let mut others = app.origins().iter();
        others.any(|other| other.as_str().as_bytes() == origin)
    });
    if headers.has("sec-fetch-site") {
        let site = headers.only("sec-fetch-site");
        return matches!(site, Some(b"same-origin" | b"none")) || is_allowed;
    }
    !headers.has("origin") || is_allowed || origin.is_some_and(|origin| is_own(origin, headers))
}

/// Whether an origin is that of the request itself. Browsers omit the default port, and the scheme is
/// always the companion's, `https`.
fn is_own(origin: &[u8], headers: &Headers<'_>) -> bool {
    let Some(authority) = headers.only(":authority") else {
        return false;
    };
    let plain = |authority: &[u8]| {
        let plain = authority.strip_suffix(b":443").unwrap_or(authority);
        plain.to_ascii_lowercase()
    };
    origin
        .strip_prefix(b"https://")
        .is_some_and(|own| plain(own) == plain(authority))
}
