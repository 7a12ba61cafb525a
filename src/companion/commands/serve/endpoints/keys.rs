//! `GET /oauth2/jwks` and `GET /oauth2/revocations`: the keys with which filters verify session tokens,
//! and the revocation list.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use super::entity_tag;
use crate::clock::now;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;

/// RFC 7517 section 8.5.2.
const JWK_SET: &str = "application/jwk-set+json";

pub(super) async fn jwks(State(state): State<SharedSignInState>) -> Response {
    let keys = state.identity.keys.load();
    ([(CONTENT_TYPE, JWK_SET)], keys.jwks_json()).into_response()
}

/// Each filter reads the list every few seconds, so one that it has already is not sent again.
pub(super) async fn revocations(
    State(state): State<SharedSignInState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = state.identity.sessions.revocations_json(now()).await;
    let list = list.map_err(|error| {
        warn!(%error, "revocation list unavailable");
        Problem::unavailable(
            "The revocation list is unavailable right now. Send the request again.",
        )
    })?;
    Ok(entity_tag::respond(&headers, list))
}
