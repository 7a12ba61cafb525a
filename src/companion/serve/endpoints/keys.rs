//! `GET /oauth2/jwks` and `GET /oauth2/revocations`: what filters verify session tokens with, and
//! what they refuse before it expires.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use crate::serve::answer::Problem;
use crate::serve::clock::now;
use crate::serve::state::Shared;

/// RFC 7517 section 8.5.2.
const JWK_SET: &str = "application/jwk-set+json";

pub(super) async fn jwks(State(state): State<Shared>) -> Response {
    let keys = state.people.keys.load();
    ([(CONTENT_TYPE, JWK_SET)], keys.jwks_json()).into_response()
}

pub(super) async fn revocations(State(state): State<Shared>) -> Result<Response, Problem> {
    let list = state.people.sessions.revocations_json(now()).await;
    let list = list.map_err(|unavailable| {
        warn!(%unavailable, "what has ended can't be told");
        Problem::unavailable("It can't be told just now which sessions have ended.")
    })?;
    Ok(([(CONTENT_TYPE, "application/json")], list).into_response())
}
