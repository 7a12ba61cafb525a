//! `POST /oauth2/backchannel-logout`: a provider ends all sessions of a user, or those of one provider session
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
use crate::commands::serve::state::SharedSignInState;
use crate::provider::{ErrorCategory, LogoutToken, Provider, ProviderError, Secret};
use crate::session::{
    EventClient, LoggedOut, LogoutClaims, LogoutOutcome, SessionEvent, SessionEventKind,
    Unavailable,
};

/// The form that a provider sends.
#[derive(Debug, Deserialize)]
pub(super) struct Params {
    logout_token: Secret,
}

pub(super) async fn backchannel_logout(
    State(state): State<SharedSignInState>,
    client: EventClient,
    form: Result<Form<Params>, Problem>,
) -> Response {
    let Ok(Form(form)) = form else {
        return rejected("expected a form with one `logout_token`");
    };
    let verified = match verify(&state, &form.logout_token).await {
        Ok(verified) => verified,
        Err(None) => return rejected("logout token rejected"),
        Err(Some((provider, error))) => {
            state.metrics.provider_failed(provider.name(), error.kind());
            warn!(provider = provider.name(), %error, "logout token rejected");
            return match error.category() {
                ErrorCategory::Unreachable => unavailable(),
                _ => rejected("logout token rejected"),
            };
        }
    };
    for (provider, token) in &verified {
        if token.is_replay {
            log(provider, LogoutOutcome::Replayed);
            continue;
        }
        if let Err(error) = end_sessions(&state, provider, token, &client).await {
            warn!(provider = provider.name(), %error, "sessions not revoked");
            return unavailable();
        }
    }
    StatusCode::OK.into_response()
}

async fn end_sessions(
    state: &SharedSignInState,
    provider: &Provider,
    token: &LogoutToken,
    client: &EventClient,
) -> Result<(), Unavailable> {
    let logout = LogoutClaims {
        provider: provider.name(),
        sub: token.sub.as_deref(),
        sid: token.sid.as_deref(),
        jti: &token.jti,
        until: token.good_until,
    };
    let sessions = &state.identity.sessions;
    let LoggedOut { outcome, sids } = sessions.backchannel_logout(&logout, now()).await?;
    provider.mark_used(token, now());
    log(provider, outcome);
    if matches!(outcome, LogoutOutcome::Revoked { .. }) {
        let revoked = |sid| {
            let event = SessionEvent {
                kind: SessionEventKind::Revoked,
                provider: Some(provider.name()),
                subject: token.sub.as_deref(),
                sid,
                reason: Some("backchannel-logout"),
            };
            event.log(client);
        };
        // Without single sessions, all of the user.
        if sids.is_empty() {
            revoked(None);
        }
        sids.into_iter().map(Some).for_each(revoked);
    }
    Ok(())
}

/// The providers that issued the token, each with its claims: several if they have the same issuer and
/// client ID. Each provider verifies it: one that did not issue it rejects it by `iss`, before it verifies
/// the signature. The error is that of the issuer if there is one, otherwise that of the first provider.
async fn verify<'s>(
    state: &'s SharedSignInState,
    token: &Secret,
) -> Result<Vec<(&'s Provider, LogoutToken)>, Option<(&'s Provider, ProviderError)>> {
    let mut verified: Vec<(&Provider, LogoutToken)> = Vec::new();
    let mut rejected = None;
    for provider in state.identity.providers.all() {
        match provider.logout_token(token.expose(), now()).await {
            Ok(token) => verified.push((provider, token)),
            // It may have issued the token too.
            Err(error) if matches!(error.category(), ErrorCategory::Unreachable) => {
                return Err(Some((provider, error)));
            }
            Err(error) if rejected.is_none() || !error.is_for_other_provider() => {
                rejected = Some((&**provider, error));
            }
            Err(_) => {}
        }
    }
    if verified.is_empty() {
        Err(rejected)
    } else {
        Ok(verified)
    }
}

fn log(provider: &Provider, outcome: LogoutOutcome) {
    let provider = provider.name();
    match outcome {
        LogoutOutcome::Replayed => info!(provider, "logout token replayed"),
        LogoutOutcome::UnknownSession => info!(provider, "logout token for an unknown session"),
        LogoutOutcome::Revoked { revocations } => {
            info!(provider, revocations, "sessions revoked by the provider")
        }
    }
}

fn rejected(description: &'static str) -> Response {
    let body = json!({"error": "invalid_request", "error_description": description});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn unavailable() -> Response {
    Problem::unavailable("The logout token can't be processed right now. Send the request again.")
        .into_response()
}
