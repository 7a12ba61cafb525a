//! Where people are sent to sign in, and the way on for those who are refused.

use std::fmt::Write as _;

use crate::decision::{Class, Decision};
use crate::endpoints::{self, Endpoint};
use crate::request::Headers;

#[cfg(test)]
mod tests;

/// How long the address of a page may be that a person is brought back to, in bytes. It goes through
/// headers of several programs, each byte perhaps as three.
const MAX_RETURN: usize = 8192;

/// Where a browser signs in and is brought back to the page that it asked for; `None` where nobody
/// signs in, or for a page of no app.
pub(super) fn location(decision: &Decision<'_>, headers: &Headers<'_>) -> Option<String> {
    leading_back(decision, headers, endpoints::START)
}

/// The way on from the page of a refusal, as a link: to sign out and come back for somebody whose
/// session is good and not allowed, and to the same address where nobody could tell.
pub(super) fn way_on(decision: &Decision<'_>, headers: &Headers<'_>) -> String {
    let (place, label) = match decision.class() {
        Class::Forbidden if decision.by_session => {
            let place = leading_back(decision, headers, endpoints::SIGN_OUT);
            (place, "Sign in as somebody else")
        }
        // An empty reference is the page itself (RFC 3986 section 4.4).
        Class::Unavailable => (Some(String::new()), "Try again"),
        Class::Allowed
        | Class::BadRequest
        | Class::Forbidden
        | Class::InvalidToken
        | Class::Unauthenticated => (None, ""),
    };
    // What leads back is percent-encoded, so that nothing in it would have to be escaped.
    place.map_or_else(String::new, |place| {
        format!("<p><a class=\"act\" href=\"{place}\">{label}</a></p>\n")
    })
}

/// A place of the companion's that leads back to the page which was asked for.
fn leading_back(
    decision: &Decision<'_>,
    headers: &Headers<'_>,
    endpoint: Endpoint,
) -> Option<String> {
    let sso = decision.sso()?;
    decision.app()?;
    let (authority, path) = (headers.only(":authority")?, headers.only(":path")?);
    let path = if path.len() > MAX_RETURN { b"/" } else { path };
    let mut location = [sso.url(), endpoint.path, "?rd="].concat();
    for byte in [b"https://", authority, path].concat() {
        // RFC 3986 section 2.3; all else could be read as a part of the address around it.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            location.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _infallible = write!(location, "%{byte:02X}");
        }
    }
    Some(location)
}
