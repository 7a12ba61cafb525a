//! Failed sign-ins: the page for the user, and the log line for the operator.
//!
//! The page says what to do and never quotes the provider or the browser, whose messages anybody may
//! have written.

use axum::http::StatusCode;
use portcullis_core::endpoints;
use tracing::{error, info, warn};

use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SignIn;
use crate::provider::{ErrorCategory, Provider, ProviderError};
use crate::redirect_target::RedirectTarget;

use super::start::path;

/// A sign-in that failed at its provider, or on the way back from it.
pub(super) fn with_provider(
    state: &SignIn,
    provider: &Provider,
    fault: &ProviderError,
    to: Option<&RedirectTarget>,
) -> Problem {
    let (name, kind, category) = (provider.name(), fault.kind(), fault.category());
    state.metrics.provider_failed(name, kind);
    match category {
        ErrorCategory::StaleAttempt | ErrorCategory::AccessDenied => {
            info!(provider = name, kind, %fault, "sign-in failed")
        }
        ErrorCategory::Unreachable => warn!(provider = name, kind, %fault, "sign-in failed"),
        ErrorCategory::Misconfigured => error!(provider = name, kind, %fault, "sign-in failed"),
    }
    let again = path(endpoints::SIGN_IN.path, to, None, None);
    match category {
        ErrorCategory::StaleAttempt => expired(again),
        ErrorCategory::AccessDenied => Problem::new(
            StatusCode::FORBIDDEN,
            "access_denied",
            "You are not signed in",
            format!("{name} did not sign you in, or you canceled the sign-in."),
        )
        .with_link(again, "Sign in again"),
        ErrorCategory::Misconfigured => Problem::new(
            StatusCode::BAD_GATEWAY,
            "server_error",
            "You are not signed in",
            format!(
                "The response of {name} was invalid. Try again. If it fails again, give the operator of \
                 this site the request ID below; the log has the details."
            ),
        )
        .with_link(again, "Try again"),
        ErrorCategory::Unreachable => Problem::unavailable(format!(
            "You are not signed in, because {name} can't be reached right now. Try again in a moment."
        ))
        .with_link(again, "Try again"),
    }
}

/// A sign-in that this browser did not start, or that has ended.
pub(super) fn expired(again: String) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "invalid_request",
        "This sign-in has expired",
        "It took too long, was completed already, or was started in another browser.",
    )
    .with_link(again, "Sign in again")
}
