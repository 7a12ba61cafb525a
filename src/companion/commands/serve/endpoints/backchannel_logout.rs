//! `POST /oauth2/backchannel-logout`: a provider ends the sessions of a user or of one sign-in
//! (OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use crate::clock::now;
use crate::commands::serve::extract::Form;
use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SignIn;
use crate::provider::{ErrorCategory, LogoutToken, Provider, ProviderError, Secret};
use crate::session::{LogoutClaims, LogoutOutcome};

/// The form that a provider sends.
#[derive(Debug, Deserialize)]
pub(super) struct Params {
    logout_token: Secret,
}

pub(super) async fn backchannel_logout(
    State(state): State<SignIn>,
    form: Result<Form<Params>, Problem>,
) -> Response {
    let Ok(Form(form)) = form else {
        return rejected("expected a form with one `logout_token`");
    };
    let verified = verify(&state, &form.logout_token).await;
    let (provider, token) = match verified {
        Ok(verified) => verified,
        Err(None) => return rejected("logout token rejected"),
        Err(Some((provider, fault))) => {
            state.metrics.provider_failed(provider.name(), fault.kind());
            warn!(provider = provider.name(), %fault, "logout token rejected");
            return match fault.category() {
                ErrorCategory::Unreachable => unavailable(),
                _ => rejected("logout token rejected"),
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
        .identity
        .sessions
        .backchannel_logout(&logout, now())
        .await
    {
        Ok(outcome) => {
            provider.mark_used(&token, now());
            log(provider, outcome);
            StatusCode::OK.into_response()
        }
        Err(fault) => {
            warn!(provider = provider.name(), %fault, "sessions could not be revoked");
            unavailable()
        }
    }
}

/// The provider whose token this is, or the error of one of them. Other providers reject it by issuer
/// before they verify its signature.
async fn verify<'s>(
    state: &'s SignIn,
    token: &Secret,
) -> Result<(&'s Provider, LogoutToken), Option<(&'s Provider, ProviderError)>> {
    let mut refused = None;
    for provider in state.identity.providers.all() {
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

fn log(provider: &Provider, outcome: LogoutOutcome) {
    let provider = provider.name();
    match outcome {
        LogoutOutcome::Replayed => info!(provider, "logout token replayed"),
        LogoutOutcome::UnknownSession => info!(provider, "logout token for an unknown session"),
        LogoutOutcome::Revoked { revocations } => {
            info!(provider, revocations, "signed out by the provider")
        }
    }
}

fn rejected(description: &'static str) -> Response {
    let body = json!({"error": "invalid_request", "error_description": description});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn unavailable() -> Response {
    Problem::unavailable("Send the request again.").into_response()
}
