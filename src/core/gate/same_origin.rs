//! Whether a page of another origin sent a request, which a person's session alone must not allow
//! (DESIGN: a gate that accepts cookies makes apps without a defence of their own attackable from
//! their neighbours).

use crate::policy::App;
use crate::request::{Headers, Request};

/// Whether a request that a session would allow needs to come from the app's own origin, and does
/// not. What only reads is left alone: no other origin's page gets to see the answer.
pub(super) fn is_cross_site(request: &Request<'_>, headers: &Headers<'_>, app: &App) -> bool {
    let reads = matches!(request.method(), "GET" | "HEAD" | "OPTIONS");
    (!reads || headers.is_upgrade()) && !comes_from_friends(headers, app)
}

/// By `Sec-Fetch-Site`, which no page can write, or by `Origin` where a browser is too old for it.
/// A request with neither comes from no page.
fn comes_from_friends(headers: &Headers<'_>, app: &App) -> bool {
    let origin = headers.only("origin");
    let welcome = origin.is_some_and(|origin| {
        let mut others = app.origins().iter();
        others.any(|other| other.as_str().as_bytes() == origin)
    });
    if headers.has("sec-fetch-site") {
        let site = headers.only("sec-fetch-site");
        return matches!(site, Some(b"same-origin" | b"none")) || welcome;
    }
    !headers.has("origin") || welcome || origin.is_some_and(|origin| is_own(origin, headers))
}

/// Whether an origin is that of the request itself. Browsers leave the scheme's own port out, and
/// the scheme is always the companion's, `https`.
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
