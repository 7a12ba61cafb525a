//! `GET /oauth2/mirror/<trust>`: an issuer's keys, for filters that can't reach it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::entity_tag;
use crate::commands::serve::extract::Segment;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedState;
use crate::issuers::MirrorError;

pub(super) async fn mirror(
    State(state): State<SharedState>,
    Segment(trust): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match state.forward_auth.load().issuers().mirror(&trust) {
        Ok(document) => Ok(entity_tag::respond(&headers, document)),
        Err(MirrorError::Unknown) => Err(Problem::not_found()),
        Err(MirrorError::NotFetched) => Err(Problem::unavailable(
            "The issuer's keys have not been read yet. Send the request again.",
        )),
    }
}
