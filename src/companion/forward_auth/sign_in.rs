//! What a person is told who has to sign in.
//!
//! Forward auth answers 401 and no redirect, which NGINX would make a 500. Where the proxy sends
//! people to sign in, it finds the address in a header. Where it hands our answer on as it is, the
//! page in it goes there by itself.

use axum::http::HeaderName;
use portcullis_core::answer::page;

/// Where a person signs in who navigates: `/oauth2/start`, with the way back.
pub(super) const SIGN_IN: HeaderName = HeaderName::from_static("x-portcullis-sign-in");

/// Goes to where people sign in, and takes along what a server is never told: Alertmanager's links
/// live behind the `#`.
const SCRIPT: &str =
    "location.replace(document.querySelector('a').href+encodeURIComponent(location.hash))";

/// What the page may do: run this script, and nothing else.
pub(super) fn security() -> String {
    page::policy(Some(SCRIPT), "'none'")
}

/// A page that goes there, script or not. `location` is percent-encoded, so that it holds nothing
/// that would have to be escaped.
pub(super) fn page(location: &str) -> String {
    let head = format!(
        "<noscript><meta http-equiv=\"refresh\" content=\"0; url={location}\"></noscript>\n"
    );
    let main = format!(
        "<p role=\"status\">You are being taken to your sign-in.</p>\n\
         <p><a class=\"act\" href=\"{location}\">Go on</a></p>\n"
    );
    let behind = format!("<script>{SCRIPT}</script>\n");
    page::document("Signing in", &head, &main, &behind)
}
