//! `GET /oauth2/mirror/<trust>`: an issuer's keys, for filters that can't reach it.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::commands::serve::extract::Segment;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedState;
use crate::issuers::MirrorError;

pub(super) async fn mirror(
    State(state): State<SharedState>,
    Segment(trust): Segment,
) -> Result<Response, Problem> {
    match state.forward_auth.load().issuers().mirror(&trust) {
        Ok(document) => Ok(([(CONTENT_TYPE, "application/json")], document).into_response()),
        Err(MirrorError::Unknown) => Err(Problem::not_found()),
        Err(MirrorError::NotFetched) => Err(Problem::unavailable(
            "The issuer's keys have not been read yet. Send the request again.",
        )),
    }
}
