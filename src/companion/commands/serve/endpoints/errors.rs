//! Failed sign-ins: the page for the user, and the log line for the operator.
//!
//! The page says what to do. It never quotes the provider or the browser, because an attacker may have
//! written their messages.

use axum::http::StatusCode;
use tracing::{error, info, warn};

use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedSignInState;
use crate::provider::{ErrorCategory, Provider, ProviderError};
use crate::redirect_target::RedirectTarget;

use super::start::sign_in_for;

/// A sign-in that failed because of a request to the provider, or of the provider's response.
pub(super) fn provider_error(
    state: &SharedSignInState,
    provider: &Provider,
    error: &ProviderError,
    target: Option<&RedirectTarget>,
) -> Problem {
    let (name, kind, category) = (provider.name(), error.kind(), error.category());
    state.metrics.provider_failed(name, kind);
    match category {
        ErrorCategory::StaleAttempt | ErrorCategory::AccessDenied => {
            info!(provider = name, kind, %error, "sign-in failed")
        }
        ErrorCategory::Unreachable => warn!(provider = name, kind, %error, "sign-in failed"),
        ErrorCategory::Misconfigured => error!(provider = name, kind, %error, "sign-in failed"),
    }
    let again = sign_in_for(target);
    let your_provider = match state.identity.providers.only() {
        Some(_) => "Your identity provider".to_owned(),
        // The user has chosen it by its name.
        None => format!("Your identity provider, {name},"),
    };
    match category {
        ErrorCategory::StaleAttempt => attempt_invalid(again),
        ErrorCategory::AccessDenied => Problem::new(
            StatusCode::FORBIDDEN,
            "access_denied",
            "You are not signed in",
            format!("{your_provider} did not sign you in, or you canceled the sign-in."),
        )
        .with_link(again, "Sign in again"),
        ErrorCategory::Misconfigured => Problem::new(
            StatusCode::BAD_GATEWAY,
            "server_error",
            "You are not signed in",
            format!(
                "{your_provider} and this site could not complete your sign-in. Try again. If it fails \
                 again, give the request ID below to the operator of this site."
            ),
        )
        .with_link(again, "Try again"),
        ErrorCategory::Unreachable => Problem::unavailable(format!(
            "You are not signed in. {your_provider} can't be reached right now. Try again in a moment."
        ))
        .with_link(again, "Sign in again"),
    }
}

/// A sign-in attempt that has expired, was completed before, or was started in another browser.
pub(super) fn attempt_invalid(again: String) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "invalid_request",
        "This sign-in is not valid",
        "It took too long, was completed before, or was started in another browser, or your browser does \
         not accept our cookies.",
    )
    .with_link(again, "Sign in again")
}

/// The provider ended its session during the sign-in.
pub(super) fn ended_at_provider(again: String) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "invalid_request",
        "Your session has ended",
        "Your identity provider ended your session during the sign-in, for example because you signed \
         out there.",
    )
    .with_link(again, "Sign in again")
}
