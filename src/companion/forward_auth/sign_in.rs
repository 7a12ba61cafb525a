//! The response to a browser that has to sign in.
//!
//! Forward auth responds with 401 and not with a redirect, which NGINX turns into 500. A header has the
//! sign-in URL, for proxies that redirect to it. If a proxy returns the response unchanged, its page
//! continues at that URL.

use axum::http::HeaderName;
use portcullis_core::page;

/// The sign-in URL of a navigation: `/oauth2/start` with `rd`.
pub(super) const SIGN_IN: HeaderName = HeaderName::from_static("x-portcullis-sign-in");

/// Continues at the sign-in URL with the fragment appended. A server never receives the fragment, and
/// Alertmanager's links are in it. A redirect target of more than 8 KiB, or three times that in this encoding,
/// ends at the app's root, so no more of it is sent.
const SCRIPT: &str = "location.replace(document.querySelector('a').href+encodeURIComponent(location.hash)\
                      .slice(0,24600))";

/// The content security policy: only this script.
pub(super) fn content_security_policy() -> String {
    page::policy(Some(SCRIPT), "'none'")
}

/// A page that continues at the sign-in URL, with or without JavaScript. `location` is percent-encoded, so
/// nothing in it needs escaping.
pub(super) fn page(location: &str) -> String {
    let head = format!(
        "<noscript><meta http-equiv=\"refresh\" content=\"0; url={location}\"></noscript>\n"
    );
    let main = format!(
        "<p role=\"status\">You are not signed in. Redirecting you to the sign-in page…</p>\n\
         <p><a class=\"act\" href=\"{location}\">Continue to sign-in</a></p>\n"
    );
    let script = format!("<script>{SCRIPT}</script>\n");
    page::document("Signing in", &head, &main, &script)
}
