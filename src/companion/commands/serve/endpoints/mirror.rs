//! `GET /oauth2/mirror/<trust>`: an issuer's keys, for filters that can't reach it.

use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::commands::serve::answer::Problem;
use crate::commands::serve::state::Shared;
use crate::issuers::MirrorError;

pub(super) async fn mirror(
    State(state): State<Shared>,
    Path(trust): Path<String>,
) -> Result<Response, Problem> {
    match state.judge.load().issuers().mirror(&trust) {
        Ok(document) => Ok(([(CONTENT_TYPE, "application/json")], document).into_response()),
        Err(MirrorError::Unknown) => Err(super::unknown().await),
        Err(MirrorError::Unread) => Err(Problem::unavailable(
            "The issuer's keys could not be read yet.",
        )),
    }
}
