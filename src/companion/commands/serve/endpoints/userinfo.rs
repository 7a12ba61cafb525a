//! `GET /oauth2/userinfo`: the signed-in user as JSON, with the member names of oauth2-proxy, or the caller that a
//! bearer token identifies.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tracing::warn;

use crate::clock::now;
use crate::commands::serve::identity::cookies;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::request_id::set_request_id;
use crate::commands::serve::state::{SharedSignInState, SharedState};
use crate::forward_auth;
use crate::server::{Peer, client_address};
use crate::session::NoSession;

use super::refresh::signed_out;
use super::sign_in_not_configured;

/// The signed-in user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserInfo {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    email_verified: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    provider: String,
}

/// The state of the endpoint.
#[derive(Clone, Debug)]
pub(super) struct UserInfoState {
    pub(super) app: SharedState,
    /// `None` if sign-in is not configured.
    pub(super) sign_in: Option<SharedSignInState>,
}

/// A bearer token takes precedence over a session, even if it is invalid.
pub(super) async fn userinfo(
    State(state): State<UserInfoState>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    set_request_id(&mut parts);
    let evaluator = state.app.forward_auth.load();
    let peer = parts.extensions.get::<Peer>().copied();
    let client = client_address(peer, &parts.headers, &state.app.config.trusted_proxies);
    if let Some(response) = forward_auth::identify(&parts, client, &evaluator).await {
        return Ok(response);
    }
    match &state.sign_in {
        Some(sign_in) => Ok(of_session(sign_in, &parts.headers).await?.into_response()),
        None => Err(sign_in_not_configured().await),
    }
}

async fn of_session(
    state: &SharedSignInState,
    headers: &HeaderMap,
) -> Result<Json<UserInfo>, Problem> {
    let sessions = &state.identity.sessions;
    let session = sessions.read(&cookies(headers), now()).await;
    let session = session.map_err(|no| match no {
        NoSession::Ended { .. } => signed_out(),
        NoSession::Unavailable(error) => {
            warn!(%error, "session unavailable");
            Problem::unavailable("We can't verify your identity right now. Try again in a moment.")
        }
    })?;
    let user = session.user;
    Ok(Json(UserInfo {
        user: user.sub,
        email: user.email,
        email_verified: user.email_verified,
        groups: user.groups,
        preferred_username: user.preferred_username,
        provider: session.provider,
    }))
}
