//! The local reply to a refused request: an RFC 6750 challenge with the reason's code, and nothing
//! else of the decision. A user with a browser is redirected to the sign-in, or gets a page.

mod refusal_page;
mod sign_in;

use crate::decision::Decision;
use crate::page;
use crate::reason::Class;
use crate::request::{Client, Headers};

/// The realm of the challenge if the request is for no app.
const NO_APP: &str = "portcullis";

/// `Retry-After`, in seconds, if the request can't be decided now.
const RETRY_AFTER: &str = "5";

/// The local reply to a refused request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u16,
    /// The `grpc-status` for a gRPC client.
    pub grpc_status: u32,
    /// The header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// The response code details for the proxy's access log.
    pub details: String,
}

impl LocalReply {
    /// The reply to a request whose headers or trailers can't be read or changed: 500.
    pub fn internal() -> Self {
        Self {
            status: 500,
            grpc_status: 13,
            headers: Vec::new(),
            body: String::new(),
            details: "portcullis{internal}".to_owned(),
        }
    }

    /// The reply to a refused request with these headers; `None` if it is allowed.
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
            && headers.is_get()
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
                let next_steps = sign_in::next_steps(decision, headers);
                refusal_page::write(decision, &next_steps, headers.request_id())
            }
            Client::Program => {
                fields.push(("content-type", "application/json".to_owned()));
                let error = error.unwrap_or("unauthenticated");
                // None of them needs escaping.
                let (before_id, id) = match headers.request_id() {
                    Some(id) => ("\",\"id\":\"", id),
                    None => ("", ""),
                };
                let reason = reason.code();
                [
                    "{\"error\":\"",
                    error,
                    "\",\"reason\":\"",
                    reason,
                    before_id,
                    id,
                    "\"}\n",
                ]
                .concat()
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

/// A challenge of RFC 6750, section 3. Names of apps and error codes need no escaping.
fn challenge(realm: &str, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("Bearer realm=\"{realm}\", error=\"{error}\""),
        None => format!("Bearer realm=\"{realm}\""),
    }
}

#[cfg(test)]
mod tests;
