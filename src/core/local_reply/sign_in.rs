//! The sign-in URL, and the next steps on the page of a refusal.

use std::fmt::Write as _;

use crate::decision::{Class, Decision};
use crate::endpoints::{self, Endpoint};
use crate::request::Headers;

#[cfg(test)]
mod tests;

/// The longest URL that a user is redirected back to after the sign-in, in bytes. It is passed in
/// headers of several programs, where each byte may become three.
const MAX_RETURN: usize = 8192;

/// Where a browser signs in and is redirected back to the page that it requested; `None` without
/// `sso`, or if the request is for no app.
pub(super) fn location(decision: &Decision<'_>, headers: &Headers<'_>) -> Option<String> {
    returning_here(decision, headers, endpoints::START)
}

/// The next steps on the page of a refusal, as links: to sign out and come back for a user whose
/// session is valid and not allowed; to sign in for one without a session; if the request can't be decided
/// now, to the same URL and to a new sign-in, which may succeed where the session can't be refreshed.
pub(super) fn next_steps(decision: &Decision<'_>, headers: &Headers<'_>) -> String {
    // An empty reference is the page itself (RFC 3986 section 4.4).
    let again = "<p><a class=\"act\" href=\"\">Try again</a></p>\n";
    let (before, endpoint, label) = match decision.class() {
        Class::Forbidden if decision.by_session => {
            ("", endpoints::SIGN_OUT, "Sign in with another account")
        }
        Class::Unavailable => (again, endpoints::START, "Sign in"),
        Class::Unauthenticated => ("", endpoints::START, "Sign in"),
        Class::Allowed | Class::BadRequest | Class::Forbidden | Class::InvalidToken => {
            return String::new();
        }
    };
    // The URL is percent-encoded, so nothing in it must be escaped.
    match returning_here(decision, headers, endpoint) {
        Some(link) => {
            format!("{before}<p><a class=\"act\" href=\"{link}\">{label}</a></p>\n")
        }
        None => before.to_owned(),
    }
}

/// An endpoint of the companion that redirects back to the page that was requested, or to the app's root.
fn returning_here(
    decision: &Decision<'_>,
    headers: &Headers<'_>,
    endpoint: Endpoint,
) -> Option<String> {
    let sso = decision.sso()?;
    decision.app()?;
    let (authority, path) = (headers.only(":authority")?, headers.only(":path")?);
    let mut target = [b"https://", authority, path].concat();
    // A form's URL may have no page.
    if !headers.is_get() || target.len() > MAX_RETURN {
        target = [b"https://", authority, b"/"].concat();
    }
    let mut location = [sso.url(), endpoint.path, "?rd="].concat();
    for byte in target {
        // RFC 3986 section 2.3; other bytes could be read as a part of the URL around them.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            location.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _infallible = write!(location, "%{byte:02X}");
        }
    }
    Some(location)
}
