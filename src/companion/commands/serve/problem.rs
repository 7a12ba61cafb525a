//! Error responses: a page for users, JSON for programs.
//!
//! A handler returns a [`Problem`], and the middleware renders it for the kind of client.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_core::endpoints;
use portcullis_core::request::Client;
use url::form_urlencoded::Serializer;

use super::request_id::RequestId;
use crate::pages;

/// An error response. The client sees all of it, so it must contain no secret. Values from outside are
/// escaped.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// For programs: an OAuth error code, or a similar one.
    code: &'static str,
    /// For users: the heading.
    title: &'static str,
    /// For users: what failed, and what to do now.
    text: Cow<'static, str>,
    /// The next steps, most likely first: links to paths or URLs of ours, and their labels.
    links: Vec<(String, &'static str)>,
}

/// The path of a sign-in that continues at `rd`, which the sign-in checks.
pub(super) fn sign_in_path(rd: Option<&str>) -> String {
    let path = endpoints::SIGN_IN.path;
    match rd {
        Some(rd) => {
            let query = Serializer::new(String::new())
                .append_pair("rd", rd)
                .finish();
            format!("{path}?{query}")
        }
        None => path.to_owned(),
    }
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
            links: Vec::new(),
        }
    }

    /// The request is invalid.
    pub(crate) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        let title = "Invalid request";
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", title, text)
    }

    /// There is no such endpoint.
    pub(crate) fn not_found() -> Self {
        let text = "There is no page at this address. Open the app that you want to use; it sends you here \
                    if you have to sign in.";
        Self::new(StatusCode::NOT_FOUND, "not_found", "Page not found", text)
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

    /// The request took longer than `limits.request`.
    pub(crate) fn timed_out() -> Self {
        Self::unavailable("The request took too long. Try again in a moment.")
    }

    /// An error of the companion itself.
    pub(crate) fn internal() -> Self {
        let text = "This is an error on our side. Try again. If it happens again, give the request ID below to the \
                    operator of this site.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "server_error", "Something went wrong", text)
    }

    /// Adds a next step.
    pub(crate) fn with_link(mut self, href: impl Into<String>, label: &'static str) -> Self {
        self.links.push((href.into(), label));
        self
    }

    /// Adds a sign-in at `path`, a path of [`endpoints::SIGN_IN`], if this is temporarily unavailable: a
    /// new sign-in may succeed where the session can't be used. A problem that has such a link already
    /// keeps it.
    pub(super) fn offer_sign_in(self, path: impl FnOnce() -> String) -> Self {
        let offers = |(href, _): &(String, _)| href.starts_with(endpoints::SIGN_IN.path);
        if self.status != StatusCode::SERVICE_UNAVAILABLE || self.links.iter().any(offers) {
            return self;
        }
        self.with_link(path(), "Sign in")
    }

    /// Renders it for the client, with the headers of the handler's response.
    pub(super) fn render(&self, client: Client, id: &RequestId, response: Response) -> Response {
        let body = match client {
            Client::Browser => {
                let links = self.links.iter().map(|(href, label)| (&**href, *label));
                let links: Vec<(&str, &str)> = links.collect();
                pages::error(self.title, &self.text, &links, id.as_str())
            }
            Client::Grpc | Client::Program => {
                let json = serde_json::json!({"error": self.code, "id": id.as_str()});
                let json_type = HeaderValue::from_static("application/json");
                ([(CONTENT_TYPE, json_type)], format!("{json}\n")).into_response()
            }
        };
        let (parts, _) = response.into_parts();
        let (mut rendered, body) = body.into_parts();
        // The headers of the page replace those of the handler. `extend` keeps all values of the others,
        // such as several `Set-Cookie`.
        let mut headers = parts.headers;
        headers.extend(rendered.headers);
        (rendered.status, rendered.headers) = (parts.status, headers);
        Response::from_parts(rendered, body)
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
