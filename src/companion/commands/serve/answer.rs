//! What is said where something is wrong: a page for people, JSON for programs.
//!
//! A handler returns a [`Problem`], and the envelope writes it when it knows who asks.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_core::request::Client;

use super::request_id::RequestId;
use crate::pages;

/// What is wrong with a request. All of it is shown, so nothing in it may be secret; what came from
/// outside is escaped.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// For programs: an OAuth error code, or one like them.
    code: &'static str,
    /// For people, in a few words.
    title: &'static str,
    /// For people: what happened, and what they can do.
    text: Cow<'static, str>,
    /// Where people go on, if anywhere: a path or URL of ours, and what the link says.
    link: Option<(String, &'static str)>,
}

impl Problem {
    /// A problem, told in the words given.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            text: text.into(),
            link: None,
        }
    }

    /// The request is not one that can be answered.
    pub(crate) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        let title = "This request does not work";
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", title, text)
    }

    /// Nobody can tell just now; a client should ask again.
    pub(crate) fn unavailable(text: impl Into<Cow<'static, str>>) -> Self {
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "Not available just now");
        Self::new(status, "temporarily_unavailable", title, text)
    }

    /// Something is wrong with the companion itself.
    pub(crate) fn internal() -> Self {
        let text = "This is our fault. The log tells more, under the number below.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "server_error", "Something went wrong", text)
    }

    /// Adds where people go on.
    pub(crate) fn with_link(mut self, href: impl Into<String>, label: &'static str) -> Self {
        self.link = Some((href.into(), label));
        self
    }

    /// Writes it for whoever asks, into the headers of the answer that the handler gave.
    pub(super) fn write(&self, client: Client, id: &RequestId, answer: Response) -> Response {
        let body = match client {
            Client::Browser => {
                let link = self.link.as_ref().map(|(href, label)| (&**href, *label));
                pages::error(self.title, &self.text, link, id.as_str())
            }
            Client::Grpc | Client::Program => {
                let json = serde_json::json!({"error": self.code, "request_id": id.as_str()});
                let json_type = HeaderValue::from_static("application/json");
                ([(CONTENT_TYPE, json_type)], format!("{json}\n")).into_response()
            }
        };
        let (parts, _) = answer.into_parts();
        let (mut written, body) = body.into_parts();
        // What is said of the body goes before. All lines of another name stay: there is a
        // `Set-Cookie` for each cookie.
        let mut headers = parts.headers;
        headers.extend(written.headers);
        (written.status, written.headers) = (parts.status, headers);
        Response::from_parts(written, body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = answer.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        answer.extensions_mut().insert(self);
        answer
    }
}
