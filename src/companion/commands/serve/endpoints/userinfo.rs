//! `GET /oauth2/userinfo`: the signed-in user as JSON, with the member names of oauth2-proxy.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use tracing::warn;

use crate::clock::now;
use crate::commands::serve::identity::cookies;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;
use crate::session::NoSession;

use super::refresh::signed_out;

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

pub(super) async fn userinfo(
    State(state): State<SharedSignInState>,
    headers: HeaderMap,
) -> Result<Json<UserInfo>, Problem> {
    let session = state
        .identity
        .sessions
        .read(&cookies(&headers), now())
        .await;
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
