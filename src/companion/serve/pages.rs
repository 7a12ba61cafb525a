//! Pages for people.
//!
//! They work without script, load nothing, and hold one style and at most one script, each allowed
//! by its hash alone. Values are escaped by the templates' rules.

use askama::Template;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use portcullis_core::answer::page;
use portcullis_core::endpoints;
use tracing::error;

use super::return_to::ReturnTo;

#[cfg(test)]
mod tests;

/// Adds the fragment of the address to `rd`, and goes on.
pub(crate) const START: &str = include_str!("pages/start.js");

/// Sends the one form.
pub(crate) const LEAVE: &str = include_str!("pages/leave.js");

/// A provider to choose.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Its name.
    pub(crate) provider: String,
    /// Where the choice leads: a path of ours.
    pub(crate) href: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct Error<'a> {
    title: &'a str,
    text: &'a str,
    link: Option<(&'a str, &'a str)>,
    id: &'a str,
}

#[derive(Template)]
#[template(path = "leave.html")]
struct Leave<'a> {
    action: &'a str,
    fields: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "looping.html")]
struct Looping<'a> {
    host: &'a str,
    next: &'a str,
    id: &'a str,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    host: Option<&'a str>,
    choices: &'a [Choice],
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

/// What went wrong, and where people go on, if anywhere. The status is the caller's to set.
pub(crate) fn error(title: &str, text: &str, link: Option<(&str, &str)>, id: &str) -> Response {
    let page = Error {
        title,
        text,
        link,
        id,
    };
    show(&page, None, "'none'")
}

/// Sends a form to the provider: what it is told of a sign-out belongs in no address.
pub(crate) fn leave(action: &str, fields: &[(&str, &str)]) -> Response {
    // The browser holds all redirects that follow to the policy of this page too, and where a
    // provider sends people, to one that it relies on itself perhaps, and back here, it alone knows.
    show(&Leave { action, fields }, Some(LEAVE), "https:")
}

/// Why somebody who has just signed in is not sent around once more. `next` tries again.
pub(crate) fn looping(to: &ReturnTo, next: &str, id: &str) -> Response {
    let host = to.host();
    show(&Looping { host, next, id }, None, "'none'")
}

/// Providers to choose from, and where they lead in the end.
pub(crate) fn sign_in(to: Option<&ReturnTo>, choices: &[Choice]) -> Response {
    let host = to.map(ReturnTo::host);
    show(&SignIn { host, choices }, None, "'none'")
}

/// Asks whether to sign out. The form goes to `/oauth2/sign_out`; `origins` are where its answer may
/// redirect, because browsers hold redirects to the policy of the page too.
pub(crate) fn sign_out(to: Option<&ReturnTo>, origins: &[&str]) -> Response {
    let rd = to.map(ReturnTo::as_str);
    let targets = [&["'self'"], origins].concat().join(" ");
    let mut page = show(&SignOut { rd }, None, &targets);
    // By the envelope's own policy the form would come from `Origin: null`, which could be anybody's,
    // and the answer would be this page again.
    let policy = HeaderValue::from_static("same-origin");
    page.headers_mut().insert(REFERRER_POLICY, policy);
    page
}

/// Where somebody lands who signed in and did not come from anywhere.
pub(crate) fn signed_in(name: Option<&str>) -> Response {
    show(&SignedIn { name }, None, "'none'")
}

/// The end of a sign-out.
pub(crate) fn signed_out(to: Option<&ReturnTo>) -> Response {
    let (next, label) = match to {
        Some(to) => (to.as_str(), format!("Back to {}", to.host())),
        None => (endpoints::SIGN_IN.path, "Sign in again".to_owned()),
    };
    let label = &label;
    show(&SignedOut { next, label }, None, "'none'")
}

/// Takes the fragment along and goes on to `next`, a path of ours with `rd` in its query.
pub(crate) fn start(next: &str) -> Response {
    show(&Start { next }, Some(START), "'none'")
}

fn show(template: &impl Template, script: Option<&str>, forms: &str) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(fault) => {
            error!(%fault, "a page can't be written");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let policy = page::policy(script, forms);
    let mut answer = Html(html).into_response();
    // Origins come from URLs that were judged, so this never fails; if it did, the envelope's own
    // policy would stand, which allows less.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}
