//! The response to a browser that has to sign in.
//!
//! Forward auth responds with 401 and not with a redirect, which NGINX turns into 500. A proxy that
//! redirects to the sign-in finds the URL in a header. Where the proxy returns our response unchanged,
//! its page goes to that URL.

use axum::http::HeaderName;
use portcullis_core::page;

/// The sign-in URL of a navigation: `/oauth2/start` with `rd`.
pub(super) const SIGN_IN: HeaderName = HeaderName::from_static("x-portcullis-sign-in");

/// Goes to the sign-in URL and appends the fragment, which a server never gets: Alertmanager's links are
/// in the fragment.
const SCRIPT: &str =
    "location.replace(document.querySelector('a').href+encodeURIComponent(location.hash))";

/// The content security policy: only this script.
pub(super) fn security() -> String {
    page::policy(Some(SCRIPT), "'none'")
}

/// A page that goes to the sign-in URL, with or without JavaScript. `location` is percent-encoded, so
/// nothing in it needs escaping.
pub(super) fn page(location: &str) -> String {
    let head = format!(
        "<noscript><meta http-equiv=\"refresh\" content=\"0; url={location}\"></noscript>\n"
    );
    let main = format!(
        "<p role=\"status\">You are not signed in. Redirecting you to the sign-in page…</p>\n\
         <p><a class=\"act\" href=\"{location}\">Continue to sign-in</a></p>\n"
    );
    let behind = format!("<script>{SCRIPT}</script>\n");
    page::document("Signing in", &head, &main, &behind)
}
