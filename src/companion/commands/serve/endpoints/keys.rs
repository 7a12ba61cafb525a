//! `GET /oauth2/jwks` and `GET /oauth2/revocations`: the keys with which filters verify session tokens,
//! and the revocation list.

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tracing::warn;

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
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&list)));
    let mut known = headers.get_all(IF_NONE_MATCH).iter();
    if known.any(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    }
    let headers = [(CONTENT_TYPE, "application/json".to_owned()), (ETAG, etag)];
    Ok((headers, list).into_response())
}
