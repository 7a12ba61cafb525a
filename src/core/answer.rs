//! What a refused client is told: RFC 6750 challenges, and no more than the reason's code. A person
//! with a browser is sent to where people sign in.

pub mod page;
mod sign_in;

use crate::decision::Decision;
use crate::reason::{Class, Reason};
use crate::request::{Client, Headers};

/// The realm of a challenge that belongs to no app.
const NO_APP: &str = "portcullis";

/// How many seconds a client should wait when nobody can tell just now.
const RETRY_AFTER: &str = "5";

/// What a refused client is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u16,
    /// What `grpc-status` a gRPC client should read instead.
    pub grpc_status: u32,
    /// The header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// What the proxy's access log says of it.
    pub details: String,
}

impl LocalReply {
    /// The answer to a request whose headers or trailers can't be read or changed: 500.
    pub fn internal() -> Self {
        Self {
            status: 500,
            grpc_status: 13,
            headers: Vec::new(),
            body: String::new(),
            details: "portcullis{internal}".to_owned(),
        }
    }

    /// The answer to a refused request with these headers; `None` where the decision lets it
    /// through.
    pub(crate) fn refusal(decision: &Decision<'_>, headers: &Headers<'_>) -> Option<Self> {
        let reason = decision.reason();
        let realm = decision.app().map_or(NO_APP, |app| app.name());
        let (status, grpc_status, error) = match decision.class() {
            Class::Allowed => return None,
            Class::Unauthenticated => (401, 16, None),
            Class::InvalidToken => (401, 16, Some("invalid_token")),
            Class::Forbidden => (403, 7, Some("insufficient_scope")),
            Class::BadRequest => (400, 3, Some("invalid_request")),
            Class::Unavailable => (503, 14, Some("temporarily_unavailable")),
        };
        let client = headers.client();
        let details = format!("portcullis{{{reason}}}");
        let mut fields = vec![("cache-control", "no-store".to_owned())];
        if decision.sso().is_some() {
            fields.push(("vary", "authorization, cookie".to_owned()));
        }
        if decision.class() == Class::Unauthenticated
            && client == Client::Browser
            && let Some(location) = sign_in::location(decision, headers)
        {
            fields.push(("location", location));
            return Some(Self {
                status: 302,
                grpc_status,
                headers: fields,
                body: String::new(),
                details,
            });
        }
        if status == 503 {
            fields.push(("retry-after", RETRY_AFTER.to_owned()));
        } else {
            fields.push(("www-authenticate", challenge(realm, error)));
        }
        let body = match client {
            Client::Grpc => reason.code().to_owned(),
            Client::Browser => {
                fields.push(("content-type", "text/html; charset=utf-8".to_owned()));
                fields.push(("content-security-policy", page::policy(None, "'none'")));
                fields.push(("x-content-type-options", "nosniff".to_owned()));
                let more = sign_in::way_on(decision, headers);
                refusal_page(decision.class(), reason, &more)
            }
            Client::Program => {
                fields.push(("content-type", "application/json".to_owned()));
                let error = error.unwrap_or("unauthenticated");
                format!("{{\"error\":\"{error}\",\"reason\":\"{reason}\"}}\n")
            }
        };
        Some(Self {
            status,
            grpc_status,
            headers: fields,
            body,
            details,
        })
    }
}

/// A challenge of RFC 6750, section 3. Names of apps and error codes hold nothing that would have
/// to be escaped.
fn challenge(realm: &str, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("Bearer realm=\"{realm}\", error=\"{error}\""),
        None => format!("Bearer realm=\"{realm}\""),
    }
}

/// The page that a person sees, with `more` at its end.
fn refusal_page(class: Class, reason: Reason, more: &str) -> String {
    let (title, text) = match (class, reason) {
        (Class::BadRequest, _) => (
            "Bad request",
            "This request can be read in more than one way, so nothing was done.",
        ),
        (Class::Unavailable, _) => (
            "Try again shortly",
            "It can't be told just now who you are.",
        ),
        (Class::Forbidden, Reason::AppUnknown) => {
            ("Nothing is here", "No app is known at this address.")
        }
        (Class::Forbidden, Reason::CallerNotAllowed) => (
            "Not allowed",
            "You are known here, but nothing lets you see this page. Whoever runs it can change that.",
        ),
        (Class::Forbidden, _) => (
            "Not allowed",
            "This request is not one that is let through.",
        ),
        (Class::Allowed | Class::InvalidToken | Class::Unauthenticated, _) => {
            ("Not signed in", "This page is for callers that it knows.")
        }
    };
    let main =
        format!("<p>{text}</p>\n{more}<p class=\"quiet\">Reason: <code>{reason}</code></p>\n");
    page::document(title, "", &main, "")
}

#[cfg(test)]
mod tests;
