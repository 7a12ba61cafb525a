//! Who the bearer token of a request identifies, for clients that check their own identity. It is verified
//! like any other, and no rule of an app applies.

use std::net::IpAddr;

use axum::Json;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::caller::AuthenticatedCaller;
use portcullis_core::local_reply::LocalReply;
use portcullis_core::outcome::Outcome;
use portcullis_core::request::Headers;
use serde::Serialize;

use super::Evaluator;

/// A verified bearer token.
#[derive(Debug, Serialize)]
struct TokenInfo<'a> {
    caller: &'a str,
    trust: &'a str,
    audience: &'a [String],
    /// By RFC 3339.
    expires: String,
}

/// The response to a request with a bearer token: whom it identifies, or why it is refused. `None` if there is no
/// bearer token.
pub(crate) async fn identify(
    request: &Parts,
    client: Option<IpAddr>,
    evaluator: &Evaluator,
) -> Option<Response> {
    let headers = headers(request);
    Some(match evaluator.identify(&headers).await? {
        Ok(caller) => Json(TokenInfo::of(&caller)).into_response(),
        Err(decision) => match evaluator.outcome(decision, &headers, client) {
            Outcome::Reply(reply, _) => response(reply),
            Outcome::Forward(_) => response(LocalReply::internal()),
        },
    })
}

impl<'a> TokenInfo<'a> {
    fn of(caller: &'a AuthenticatedCaller) -> Self {
        Self {
            caller: caller.caller_name(),
            trust: caller.trust(),
            audience: caller.audiences(),
            expires: caller.expires_at().to_rfc3339(),
        }
    }
}

/// The request as core's type.
fn headers(request: &Parts) -> Headers<'_> {
    let host = request.headers.get(header::HOST);
    let host = host.map(HeaderValue::as_bytes);
    let authority = request.uri.authority();
    let authority = authority.map_or(host, |authority| Some(authority.as_str().as_bytes()));
    let mut fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", request.method.as_str().as_bytes()),
        (b":authority", authority.unwrap_or_default()),
        (b":path", request.uri.path().as_bytes()),
    ];
    let client = request.headers.iter();
    fields.extend(client.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())));
    Headers::new(fields)
}

fn response(reply: LocalReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::FORBIDDEN);
    let mut response = (status, reply.body).into_response();
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
