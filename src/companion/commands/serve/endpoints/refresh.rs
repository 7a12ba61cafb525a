//! `POST /oauth2/refresh`: for the filter, a new session token. The sealed session in the cookies
//! is the credential.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::endpoints;
use tracing::{info, warn};

use crate::clock::now;
use crate::commands::serve::identity::{cookies, set_cookies};
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;
use crate::session::NoSession;

pub(super) async fn refresh(
    State(state): State<SharedSignInState>,
    headers: HeaderMap,
) -> Response {
    let identity = &state.identity;
    let cookies = cookies(&headers);
    let active = identity
        .sessions
        .refresh(&cookies, now(), &identity.providers)
        .await;
    identity.providers.count_refresh(active.as_ref());
    match active {
        Ok(active) => {
            let mut response = StatusCode::OK.into_response();
            set_cookies(response.headers_mut(), &active.set_cookies);
            response
        }
        Err(NoSession::Ended {
            reason,
            set_cookies: lines,
        }) => {
            info!(%reason, "session ended");
            let mut response = signed_out().into_response();
            set_cookies(response.headers_mut(), &lines);
            response
        }
        Err(NoSession::Unavailable(error)) => {
            warn!(%error, "session refresh unavailable");
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
