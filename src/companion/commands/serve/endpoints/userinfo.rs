//! `GET /oauth2/userinfo`: the signed-in person as JSON, under the names that oauth2-proxy has for it.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use tracing::warn;

use crate::clock::now;
use crate::commands::serve::answer::Problem;
use crate::commands::serve::identity::cookies;
use crate::commands::serve::state::Shared;
use crate::session::NoSession;

use super::refresh::signed_out;

/// A person, as apps may ask for one.
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
    State(state): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<UserInfo>, Problem> {
    let session = state.people.sessions.read(&cookies(&headers), now()).await;
    let session = session.map_err(|no| match no {
        NoSession::Ended { .. } => signed_out(),
        NoSession::Unavailable(unavailable) => {
            warn!(%unavailable, "a session can't be judged");
            Problem::unavailable("Your session can't be looked at just now.")
        }
    })?;
    let person = session.person;
    Ok(Json(UserInfo {
        user: person.sub,
        email: person.email,
        email_verified: person.email_verified,
        groups: person.groups,
        preferred_username: person.preferred_username,
        provider: session.idp,
    }))
}
