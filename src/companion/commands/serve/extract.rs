//! Extractors of queries and forms, whose errors are [`Problem`]s that never quote the input.

use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// How long a form may take to arrive. All forms are short, and any client may send one: a slow one must
/// not hold a request's permit for long.
const FORM_TIMEOUT: Duration = Duration::from_secs(5);

/// The query of a request, as axum's own. A repeated parameter is an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The form in the body of a request, as axum's own. A repeated field is an error.
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

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Form::from_request(request, state);
        match tokio::time::timeout(FORM_TIMEOUT, read).await {
            Ok(Ok(axum::extract::Form(form))) => Ok(Self(form)),
            Ok(Err(rejection)) => Err(refusal(&rejection)),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "invalid_request",
                "Request timed out",
                "The form did not arrive in time. Try again.",
            )),
        }
    }
}

fn refusal(rejection: &FormRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::bad_request("The form is invalid. Open the app that you want to use again."),
    }
}
