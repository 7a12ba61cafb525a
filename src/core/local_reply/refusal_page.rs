//! The page for a user whose request is refused: who is signed in, for which app, what failed, and
//! what to do now.

use crate::caller::AuthenticatedCaller;
use crate::decision::{Class, Decision};
use crate::escape;
use crate::page;
use crate::policy::App;
use crate::reason::Reason;

#[cfg(test)]
mod tests;

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 128;

/// Why rules with the user's e-mail address do not apply.
const UNVERIFIED_EMAIL: &str =
    " Your identity provider has not verified your email address, so it does not count.";

/// The page, with `next_steps`, which is HTML, below the text, and the request ID.
pub(super) fn write(decision: &Decision<'_>, next_steps: &str, id: Option<&str>) -> String {
    let (title, text) = title_and_text(decision);
    let (text, whom) = (page::escape(&text), whom_to_ask(decision));
    let reason = decision.reason().code();
    let (before_id, id, after_id) = match id {
        Some(id) => ("<br>\nRequest ID: <code>", id, "</code>"),
        None => ("", "", ""),
    };
    let main = [
        "<p>",
        &text,
        &whom,
        "</p>\n",
        next_steps,
        "<p class=\"quiet\">Reason: <code>",
        reason,
        "</code>",
        before_id,
        id,
        after_id,
        "</p>\n",
    ];
    page::document(title, "", &main.concat(), "")
}

/// Whom a refused user can ask, as the last sentence of the text. It is HTML.
fn whom_to_ask(decision: &Decision<'_>) -> String {
    let contact = decision.app().and_then(App::contact).map(linked);
    match (decision.class(), decision.reason()) {
        (Class::Forbidden, Reason::CrossSite) => match contact {
            Some(contact) => [" If that does not help, ask ", &contact, "."].concat(),
            None => String::new(),
        },
        (Class::Forbidden, Reason::CallerRefused) => {
            let contact = contact.as_deref().unwrap_or("your administrator");
            [" Ask ", contact, " about it."].concat()
        }
        (Class::Forbidden, Reason::CallerNotAllowed | Reason::ProxyUntrusted) => {
            let contact = contact.as_deref().unwrap_or("its owner");
            [" Ask ", contact, " for access."].concat()
        }
        _ => String::new(),
    }
}

/// A contact as HTML: its URLs are links.
fn linked(contact: &str) -> String {
    let contact = page::escape(contact);
    let mut html = String::new();
    for (index, word) in contact.split(' ').enumerate() {
        let space = if index == 0 { "" } else { " " };
        let parts = if word.starts_with("https://") {
            [space, "<a href=\"", word, "\">", word, "</a>"]
        } else {
            [space, word, "", "", "", ""]
        };
        html.push_str(&parts.concat());
    }
    html
}

/// What failed, and what the user can do. Neither is HTML.
fn title_and_text(decision: &Decision<'_>) -> (&'static str, String) {
    let app = decision.app().map_or("this app", App::name);
    match (decision.class(), decision.reason()) {
        (Class::BadRequest, Reason::RequestAmbiguous) => (
            "Bad request",
            "The address of this page can be read in more than one way, so the request was not \
             forwarded. Check the address and try again."
                .to_owned(),
        ),
        (Class::BadRequest, _) => (
            "Bad request",
            "The Authorization header of this request is malformed or ambiguous, so the request was \
             not forwarded. Send one bearer token, or none."
                .to_owned(),
        ),
        (Class::Unavailable, _) => (
            "Try again shortly",
            "We can't verify your identity right now. Try again in a few seconds.".to_owned(),
        ),
        (Class::Forbidden, Reason::AppUnknown) => (
            "Page not found",
            "No app is configured at this address. Check the address.".to_owned(),
        ),
        (Class::Forbidden, Reason::CallerRefused) => (
            "Access denied",
            signed_in_as(decision) + ". Your access has been blocked.",
        ),
        (Class::Forbidden, reason) => {
            let who = signed_in_as(decision);
            let text = if reason == Reason::CrossSite {
                format!(
                    "{who}, but this request came from another site, so it was not forwarded. Open \
                     {app} and repeat it there."
                )
            } else {
                let note = if decision.is_refused_with_unverified_email() {
                    UNVERIFIED_EMAIL
                } else {
                    ""
                };
                format!("{who}, but you don't have access to {app}.{note}")
            };
            ("Access denied", text)
        }
        (Class::InvalidToken, _) => (
            "Not signed in",
            format!("The bearer token of this request is not valid for {app}. Send a valid one."),
        ),
        (Class::Allowed | Class::Unauthenticated, _) => {
            let next = match decision.sso() {
                Some(_) => "Sign in, then repeat what you did.",
                None => "Send a valid bearer token.",
            };
            let text = format!("You are not signed in, and {app} is not public. {next}");
            ("Not signed in", text)
        }
    }
}

/// Who is signed in, as the beginning of a sentence.
fn signed_in_as(decision: &Decision<'_>) -> String {
    match decision.authenticated() {
        Some(caller) => format!("You are signed in as {}", display_name(caller)),
        None => "You are signed in".to_owned(),
    }
}

/// The name under which the user signed in.
fn display_name(caller: &AuthenticatedCaller) -> String {
    let user = caller.caller();
    let name = user.email().or_else(|| user.preferred_username());
    let name = name.unwrap_or_else(|| caller.caller_name());
    name.chars()
        .filter(|one| !escape::is_hidden(*one))
        .take(MAX_NAME)
        .collect()
}
