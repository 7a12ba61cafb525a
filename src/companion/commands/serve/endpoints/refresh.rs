//! `POST /oauth2/refresh`: a fresh session token, for the filter. The sealed session in the cookies
//! is the credential.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::endpoints;
use tracing::{info, warn};

use crate::clock::now;
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SignIn;
use crate::session::NoSession;

pub(super) async fn refresh(State(state): State<SignIn>, headers: HeaderMap) -> Response {
    let identity = &state.identity;
    let cookies = cookies(&headers);
    let live = identity
        .sessions
        .refresh(&cookies, now(), &identity.providers)
        .await;
    match live {
        Ok(live) => {
            state.metrics.session_refreshed("refreshed");
            let mut answer = StatusCode::OK.into_response();
            set_cookies(answer.headers_mut(), &live.set_cookies);
            answer
        }
        Err(NoSession::Ended {
            reason,
            set_cookies: lines,
        }) => {
            state.metrics.session_refreshed("ended");
            info!(%reason, "session ended");
            let mut answer = signed_out().into_response();
            set_cookies(answer.headers_mut(), &lines);
            answer
        }
        Err(NoSession::Unavailable(unavailable)) => {
            state.metrics.session_refreshed("unavailable");
            warn!(%unavailable, "session refresh unavailable");
            Problem::unavailable("We can't refresh your session right now. Try again in a moment.")
                .into_response()
        }
    }
}

/// There is no session.
pub(super) fn signed_out() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "You are not signed in",
        "Your session has ended, or you have not signed in yet.",
    )
    .with_link(endpoints::SIGN_IN.path, "Sign in")
}
