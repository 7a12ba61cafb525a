//! Error responses: a page for people, JSON for programs.
//!
//! A handler returns a [`Problem`], and the middleware renders it for the kind of client.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_core::request::Client;

use super::request_id::RequestId;
use crate::pages;

/// An error response. All of it is shown to the client, so nothing in it may be secret; what came from
/// outside is escaped.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// For programs: an OAuth error code, or a similar one.
    code: &'static str,
    /// For people: the heading.
    title: &'static str,
    /// For people: what failed, and what to do now.
    text: Cow<'static, str>,
    /// The next step: a path or URL of ours, and the label of the link.
    link: Option<(String, &'static str)>,
}

impl Problem {
    /// A problem.
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

    /// The request is invalid.
    pub(crate) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        let title = "Invalid request";
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", title, text)
    }

    /// The body is over the limit.
    pub(crate) fn too_large() -> Self {
        let (status, title) = (StatusCode::PAYLOAD_TOO_LARGE, "Request too large");
        let text = "The request is larger than this site accepts. Open the app that you want to use again.";
        Self::new(status, "invalid_request", title, text)
    }

    /// Temporarily unavailable; a client should retry.
    pub(crate) fn unavailable(text: impl Into<Cow<'static, str>>) -> Self {
        let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable");
        Self::new(status, "temporarily_unavailable", title, text)
    }

    /// An error of the companion itself.
    pub(crate) fn internal() -> Self {
        let text = "This is an error on our side. Try again. If it happens again, give the operator of this site the \
                    request ID below; the log has the details.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "server_error", "Something went wrong", text)
    }

    /// Adds the next step.
    pub(crate) fn with_link(mut self, href: impl Into<String>, label: &'static str) -> Self {
        self.link = Some((href.into(), label));
        self
    }

    /// Renders it for the client, with the headers of the handler's response.
    pub(super) fn render(&self, client: Client, id: &RequestId, response: Response) -> Response {
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
        let (parts, _) = response.into_parts();
        let (mut written, body) = body.into_parts();
        // The body's headers replace the handler's. All lines of other headers stay: there is a
        // `Set-Cookie` for each cookie.
        let mut headers = parts.headers;
        headers.extend(written.headers);
        (written.status, written.headers) = (parts.status, headers);
        Response::from_parts(written, body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
