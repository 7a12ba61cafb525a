//! Extractors of queries and forms. Their errors are [`Problem`]s, which never quote the input.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The timeout for receiving a form. All forms are short, and any client can send one: a slow client must
/// not hold the permit of a request for long.
const FORM_TIMEOUT: Duration = Duration::from_secs(5);

/// The query of a request, like axum's extractor. A repeated parameter is an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// A segment of the path, like axum's extractor. One that is not UTF-8 has no endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Segment(pub(crate) String);

/// The form in the body of a request, like axum's extractor. A repeated field is an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(_) => Err(Problem::bad_request(
                "The query of this address is invalid. Open the app that you want to use again.",
            )),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(segment)) => Ok(Self(segment)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// Why [`read_body`] could not read the body. It is the error of [`Form`].
#[derive(Clone, Debug)]
struct BodyError(Problem);

/// Reads the body of a request, so that its handler does not wait for it.
pub(crate) async fn read_body(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let read = Bytes::from_request(Request::new(body), &());
    let problem = match tokio::time::timeout(FORM_TIMEOUT, read).await {
        Ok(Ok(bytes)) => return Request::from_parts(parts, Body::from(bytes)),
        Ok(Err(rejection)) => form_problem(rejection.status()),
        Err(_) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "invalid_request",
            "Request timed out",
            "The form did not arrive in time. Try again.",
        ),
    };
    parts.extensions.insert(BodyError(problem));
    Request::from_parts(parts, Body::empty())
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // It may have been read before, and then this does not wait.
        let request = read_body(request).await;
        if let Some(BodyError(problem)) = request.extensions().get() {
            return Err(problem.clone());
        }
        match axum::extract::Form::from_request(request, state).await {
            Ok(axum::extract::Form(form)) => Ok(Self(form)),
            Err(rejection) => Err(form_problem(rejection.status())),
        }
    }
}

fn form_problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::bad_request("The form is invalid. Open the app that you want to use again."),
    }
}
