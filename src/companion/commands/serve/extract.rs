//! Queries and forms, refused in the words of all other answers, and never quoted.

use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::answer::Problem;

/// How long a form may be on its way. All forms are short, and anybody may begin one: whoever does
/// not end it must not take a place among the proxy's calls for long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The query of a request, as axum's own. A parameter that stands twice is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The form in the body of a request, as axum's own. A field that stands twice is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(_) => Err(Problem::bad_request(
                "What stands behind the `?` of the address is not understood.",
            )),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Form::from_request(request, state);
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(axum::extract::Form(form))) => Ok(Self(form)),
            Ok(Err(rejection)) => Err(refusal(&rejection)),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "invalid_request",
                "This took too long",
                "The form did not arrive in time. Please try again.",
            )),
        }
    }
}

fn refusal(rejection: &FormRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            "This is too much",
            "The request is longer than anything that is meant for here.",
        ),
        _ => Problem::bad_request("The form that was sent is not understood."),
    }
}
