//! Pages for users.
//!
//! Each says what happened and what to do next. They work without JavaScript, load nothing, and have one
//! style and at most one script, each allowed by its hash. The templates escape all values.

use askama::Template;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use portcullis_core::endpoints;
use portcullis_core::page;
use tracing::error;

use crate::redirect_target::RedirectTarget;

#[cfg(test)]
mod tests;

/// Adds the fragment of the URL to `rd`, and continues.
pub(crate) const START: &str = include_str!("pages/start.js");

/// Submits the form.
pub(crate) const PROVIDER_SIGN_OUT: &str = include_str!("pages/provider_sign_out.js");

/// A provider that the user can choose.
#[derive(Clone, Debug)]
pub(crate) struct ProviderChoice {
    /// The provider's name.
    pub(crate) provider: String,
    /// The link: a path of ours.
    pub(crate) href: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct Error<'a> {
    title: &'a str,
    text: &'a str,
    links: &'a [(&'a str, &'a str)],
    id: &'a str,
}

#[derive(Template)]
#[template(path = "provider_sign_out.html")]
struct ProviderSignOut<'a> {
    action: &'a str,
    fields: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "provider_sign_out_by_get.html")]
struct ProviderSignOutByGet<'a> {
    next: &'a str,
}

#[derive(Template)]
#[template(path = "sign_in_loop.html")]
struct SignInLoop<'a> {
    host: &'a str,
    next: &'a str,
    id: &'a str,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    host: Option<&'a str>,
    choices: &'a [ProviderChoice],
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOut<'a> {
    rd: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedIn<'a> {
    name: Option<&'a str>,
    unverified_email: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut<'a> {
    next: &'a str,
    label: &'a str,
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start<'a> {
    next: &'a str,
}

/// An error and the next steps, as links with labels. The caller sets the status.
pub(crate) fn error(title: &str, text: &str, links: &[(&str, &str)], id: &str) -> Response {
    let page = Error {
        title,
        text,
        links,
        id,
    };
    render(&page, None, "'none'")
}

/// Posts the sign-out form to the provider: its parameters include the ID token, which must not be in a URL.
pub(crate) fn provider_sign_out(action: &str, fields: &[(&str, &str)]) -> Response {
    // Browsers apply `form-action` to the redirects that follow too, and only the provider knows where
    // it redirects before it redirects back here.
    render(
        &ProviderSignOut { action, fields },
        Some(PROVIDER_SIGN_OUT),
        "https:",
    )
}

/// Visits the provider's sign-out URL. A page instead of a redirect, because browsers would apply the
/// `form-action` of the page whose form was submitted to all redirects that follow.
pub(crate) fn provider_sign_out_by_get(next: &str) -> Response {
    render(&ProviderSignOutByGet { next }, None, "'none'")
}

/// A redirect loop: the user has just signed in, and the app started another sign-in. `next` tries again.
pub(crate) fn sign_in_loop(target: &RedirectTarget, next: &str, id: &str) -> Response {
    let host = target.host();
    render(&SignInLoop { host, next, id }, None, "'none'")
}

/// The choice of a provider.
pub(crate) fn sign_in(target: Option<&RedirectTarget>, choices: &[ProviderChoice]) -> Response {
    let host = target.map(RedirectTarget::host);
    render(&SignIn { host, choices }, None, "'none'")
}

/// Asks for confirmation of a sign-out. The form goes to `/oauth2/sign_out`; `origins` are where its
/// response may redirect, because browsers apply `form-action` to redirects too.
pub(crate) fn sign_out(target: Option<&RedirectTarget>, origins: &[&str]) -> Response {
    let rd = target.map(RedirectTarget::as_str);
    let form_targets = [&["'self'"], origins].concat().join(" ");
    let mut page = render(&SignOut { rd }, None, &form_targets);
    // With the middleware's `no-referrer` the form would have `Origin: null`, so the user would have to
    // confirm again.
    let policy = HeaderValue::from_static("same-origin");
    page.headers_mut().insert(REFERRER_POLICY, policy);
    page
}

/// The end of a sign-in without a redirect target. `unverified_email` is the user's address if it does not
/// count.
pub(crate) fn signed_in(name: Option<&str>, unverified_email: Option<&str>) -> Response {
    let page = SignedIn {
        name,
        unverified_email,
    };
    render(&page, None, "'none'")
}

/// The end of a sign-out.
pub(crate) fn signed_out(target: Option<&RedirectTarget>) -> Response {
    let (next, label) = match target {
        Some(target) => (target.as_str(), format!("Back to {}", target.host())),
        None => (endpoints::SIGN_IN.path, "Sign in again".to_owned()),
    };
    let label = &label;
    render(&SignedOut { next, label }, None, "'none'")
}

/// Adds the fragment to `rd` in the query of `next`, a path of ours, and continues there.
pub(crate) fn start(next: &str) -> Response {
    render(&Start { next }, Some(START), "'none'")
}

/// Renders a page, with `form_action` for the directive `form-action` of its content security policy.
fn render(template: &impl Template, script: Option<&str>, form_action: &str) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            error!(%error, "page rendering failed");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let policy = page::policy(script, form_action);
    let mut response = Html(html).into_response();
    // Origins come from URLs that were checked, so this never fails; if it did, the middleware's
    // stricter policy would apply.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}
