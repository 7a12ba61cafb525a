//! `POST /oauth2/backchannel-logout`: a provider says that a person's session there has ended
//! (OpenID Connect Back-Channel LogoutClaims 1.0, sections 2.5 to 2.8).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use crate::provider::{ErrorCategory, LogoutToken, Provider, ProviderError, Secret};
use crate::serve::answer::Problem;
use crate::serve::clock::now;
use crate::serve::extract::Form;
use crate::serve::state::Shared;
use crate::session::{LogoutClaims, LogoutOutcome};

/// What a provider sends.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    logout_token: Secret,
}

pub(super) async fn backchannel_logout(
    State(state): State<Shared>,
    form: Result<Form<Sent>, Problem>,
) -> Response {
    let Ok(Form(sent)) = form else {
        return refused("`logout_token` must be there, once, in a form");
    };
    let believed = believe(&state, &sent.logout_token).await;
    let (provider, token) = match believed {
        Ok(believed) => believed,
        Err(None) => return refused("the logout token is not accepted"),
        Err(Some((provider, fault))) => {
            state.metrics.provider_failed(provider.name(), fault.kind());
            warn!(provider = provider.name(), %fault, "a logout token is not heeded");
            return match fault.category() {
                ErrorCategory::Unreachable => unavailable(),
                _ => refused("the logout token is not accepted"),
            };
        }
    };
    let logout = LogoutClaims {
        idp: provider.name(),
        sub: token.sub.as_deref(),
        sid: token.sid.as_deref(),
        jti: &token.jti,
        until: token.good_until,
    };
    match state
        .people
        .sessions
        .backchannel_logout(&logout, now())
        .await
    {
        Ok(outcome) => {
            provider.mark_used(&token, now());
            tell(provider, outcome);
            StatusCode::OK.into_response()
        }
        Err(fault) => {
            warn!(provider = provider.name(), %fault, "sessions can't be ended");
            unavailable()
        }
    }
}

/// The provider whose token this is, or what one of them has against it. Others find out that it is
/// not theirs before they look at its signature.
async fn believe<'s>(
    state: &'s Shared,
    token: &Secret,
) -> Result<(&'s Provider, LogoutToken), Option<(&'s Provider, ProviderError)>> {
    let mut refused = None;
    for provider in state.people.providers.all() {
        match provider.logout_token(token.expose(), now()).await {
            Ok(token) => return Ok((provider, token)),
            Err(fault) if refused.is_none() || !fault.is_for_other_provider() => {
                refused = Some((&**provider, fault));
            }
            Err(_) => {}
        }
    }
    Err(refused)
}

fn tell(provider: &Provider, outcome: LogoutOutcome) {
    let provider = provider.name();
    match outcome {
        LogoutOutcome::Replayed => info!(provider, "a logout token was heeded before"),
        LogoutOutcome::UnknownSession => info!(
            provider,
            "a logout token names a session that nobody has here"
        ),
        LogoutOutcome::Revoked { revocations } => {
            info!(provider, revocations, "signed out by the provider")
        }
    }
}

fn refused(why: &'static str) -> Response {
    let body = json!({"error": "invalid_request", "error_description": why});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn unavailable() -> Response {
    Problem::unavailable("Please send it again.").into_response()
}
