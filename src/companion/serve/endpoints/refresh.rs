//! `POST /oauth2/refresh`: a fresh session token, for the filter. The sealed session in the cookies
//! is the credential.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::endpoints;
use tracing::{info, warn};

use crate::serve::answer::Problem;
use crate::serve::clock::now;
use crate::serve::people::{cookies, set_cookies};
use crate::serve::state::Shared;
use crate::session::NoSession;

pub(super) async fn refresh(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let people = &state.people;
    let cookies = cookies(&headers);
    let live = people
        .sessions
        .refresh(&cookies, now(), &people.providers)
        .await;
    match live {
        Ok(live) => {
            state.metrics.refreshed("refreshed");
            let mut answer = StatusCode::OK.into_response();
            set_cookies(answer.headers_mut(), &live.set_cookies);
            answer
        }
        Err(NoSession::Ended {
            reason,
            set_cookies: lines,
        }) => {
            state.metrics.refreshed("ended");
            info!(%reason, "a session is over");
            let mut answer = signed_out().into_response();
            set_cookies(answer.headers_mut(), &lines);
            answer
        }
        Err(NoSession::Unavailable(unavailable)) => {
            state.metrics.refreshed("unavailable");
            warn!(%unavailable, "a session can't be refreshed");
            Problem::unavailable("Your session can't be renewed just now.").into_response()
        }
    }
}

/// There is no session, whatever became of it.
pub(super) fn signed_out() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "You are not signed in",
        "There is no session, or it is over.",
    )
    .with_link(endpoints::SIGN_IN.path, "Sign in")
}
