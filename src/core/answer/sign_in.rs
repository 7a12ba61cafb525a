//! Where people are sent to sign in, and the way out for those who are signed in as somebody else.

use std::fmt::Write as _;

use crate::decision::{Class, Decision};
use crate::request::Headers;

#[cfg(test)]
mod tests;

/// How long the address of a page may be that a person is brought back to, in bytes. It goes through
/// headers of several programs, each byte perhaps as three.
const MAX_RETURN: usize = 8192;

/// Where a browser signs in and is brought back to the page that it asked for; `None` where nobody
/// signs in, or for a page of no app.
pub(super) fn location(decision: &Decision<'_>, headers: &Headers<'_>) -> Option<String> {
    let sso = decision.sso()?;
    decision.app()?;
    let (authority, path) = (headers.only(":authority")?, headers.only(":path")?);
    let path = if path.len() > MAX_RETURN { b"/" } else { path };
    let mut location = [sso.url(), "/oauth2/start?rd="].concat();
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

/// A line for the page of somebody whose session is good and not allowed: a link to sign out, where
/// people sign in.
pub(super) fn way_out(decision: &Decision<'_>) -> String {
    match decision.sso() {
        Some(sso) if decision.by_session && decision.class() == Class::Forbidden => {
            // The URL of a policy holds nothing that would have to be escaped.
            let url = sso.url();
            format!("<p><a href=\"{url}/oauth2/sign_out\">Sign out</a></p>\n")
        }
        _ => String::new(),
    }
}
