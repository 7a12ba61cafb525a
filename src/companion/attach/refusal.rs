//! Responses of our own: why a request was not forwarded.

use std::error::Error;
use std::io;

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use hyper_util::client::legacy;
use serde_json::json;

use super::browsers::Foreign;
use super::connector::ConnectTimeout;
use super::metrics::Outcome;
use super::response_body::ResponseBody;
use super::token_file::Unusable;
use crate::http_client;

#[cfg(test)]
mod tests;

/// Why a request was not forwarded, or has no response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) outcome: Outcome,
    /// A code for programs.
    pub(super) reason: &'static str,
    /// For people. It has no secret.
    pub(super) message: String,
}

impl Refusal {
    /// TRACE would show the token to the client, and CONNECT would open a connection of its own.
    pub(super) fn method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            outcome: Outcome::Rejected,
            reason: "method-not-forwarded",
            message: "CONNECT and TRACE are not forwarded".to_owned(),
        }
    }

    /// The request target is not a path.
    pub(super) fn path() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            outcome: Outcome::Rejected,
            reason: "path-invalid",
            message: "the request target is not a path".to_owned(),
        }
    }

    /// A page in a browser sends it for another site.
    pub(super) fn foreign(why: Foreign) -> Self {
        let (status, reason, message) = match why {
            Foreign::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "host-not-local",
                "`Host` is neither an address of loopback nor `localhost`; use one of them in the client's URL",
            ),
            Foreign::Site => (
                StatusCode::FORBIDDEN,
                "cross-site",
                "a page of another site sends this request",
            ),
        };
        Self {
            status,
            outcome: Outcome::Rejected,
            reason,
            message: message.to_owned(),
        }
    }

    /// Too many concurrent requests.
    pub(super) fn too_many() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            outcome: Outcome::Rejected,
            reason: "too-many-requests",
            message: "there are more concurrent requests than `limits.connections`".to_owned(),
        }
    }

    /// There is no token that can be sent.
    pub(super) fn token(why: &Unusable) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            outcome: Outcome::TokenUnusable,
            reason: why.reason(),
            message: why.to_string(),
        }
    }

    /// The client does not send the rest of its body.
    pub(super) fn client_timeout() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            outcome: Outcome::Rejected,
            reason: "request-timeout",
            message: "the rest of the request's body did not arrive in time (`limits.request`)"
                .to_owned(),
        }
    }

    /// The target does not respond.
    pub(super) fn target_timeout() -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            outcome: Outcome::TargetTimeout,
            reason: "target-timeout",
            message: "the target did not respond in time (`limits.request`)".to_owned(),
        }
    }

    /// The target switched protocols although nobody asked.
    pub(super) fn unexpected_upgrade() -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            outcome: Outcome::TargetUnreachable,
            reason: "target-invalid",
            message: "the target switched to another protocol without being asked".to_owned(),
        }
    }

    /// There is no response.
    pub(super) fn target(error: &legacy::Error) -> Self {
        if let Some(tls) = find::<rustls::Error>(error) {
            let tls = tls.to_string();
            let help = http_client::certificate_help(&tls);
            return Self {
                status: StatusCode::BAD_GATEWAY,
                outcome: Outcome::TargetTls,
                reason: "target-tls",
                message: format!("TLS with the target failed: {tls}{help}"),
            };
        }
        if find::<ConnectTimeout>(error).is_some() {
            return Self {
                status: StatusCode::GATEWAY_TIMEOUT,
                outcome: Outcome::TargetTimeout,
                reason: "target-timeout",
                message: "connecting to the target timed out (`limits.connect`)".to_owned(),
            };
        }
        let (reason, what) = if error.is_connect() {
            ("target-unreachable", "connecting to the target failed")
        } else {
            ("target-interrupted", "the request to the target failed")
        };
        Self {
            status: StatusCode::BAD_GATEWAY,
            outcome: Outcome::TargetUnreachable,
            reason,
            message: format!("{what}: {}", innermost(error)),
        }
    }

    /// The response.
    pub(super) fn response(&self, has_body: bool) -> Response<ResponseBody> {
        let error = match self.outcome {
            Outcome::Forwarded | Outcome::Rejected => "not_forwarded",
            Outcome::TokenUnusable => "token_unusable",
            Outcome::TargetUnreachable | Outcome::TargetTls | Outcome::TargetTimeout => {
                "target_unavailable"
            }
        };
        let json = json!({"error": error, "reason": self.reason, "message": self.message});
        let body = if has_body {
            format!("{json}\n")
        } else {
            String::new()
        };
        let mut response = Response::new(ResponseBody::own(body.into()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
                headers.insert(ALLOW, HeaderValue::from_static(METHODS));
            }
            _ => {}
        }
        response
    }
}

/// The first error of this type among an error and its sources. An I/O error has its cause inside.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The last cause, which says what has happened. The others only repeat that it is about a request.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
