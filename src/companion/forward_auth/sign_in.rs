//! What a person is told who has to sign in.
//!
//! Forward auth answers 401 and no redirect, which NGINX would make a 500. Where the proxy sends
//! people to sign in, it finds the address in a header. Where it hands our answer on as it is, the
//! page in it goes there by itself.

use std::sync::LazyLock;

use axum::http::HeaderName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Where a person signs in who navigates: `/oauth2/start`, with the way back.
pub(super) const SIGN_IN: HeaderName = HeaderName::from_static("x-portcullis-sign-in");

/// Goes to where people sign in, and takes along what a server is never told: Alertmanager's links
/// live behind the `#`.
const SCRIPT: &str =
    "location.replace(document.querySelector('a').href+encodeURIComponent(location.hash))";

/// What the page may do: run this script, and nothing else.
pub(super) static SECURITY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!("default-src 'none'; script-src 'sha256-{hash}'")
});

/// A page that goes there, script or not. `location` is percent-encoded, so that it holds nothing
/// that would have to be escaped.
pub(super) fn page(location: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Sign in</title>\n\
         <noscript><meta http-equiv=\"refresh\" content=\"0; url={location}\"></noscript>\n\
         <p><a href=\"{location}\">Sign in</a> to see this page.</p>\n\
         <script>{SCRIPT}</script>\n</html>\n"
    )
}
