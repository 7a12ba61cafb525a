//! What people are told where a sign-in does not work, and what the operator is.
//!
//! A person learns what helps, and no more: what a provider or a browser said may be anybody's words.

use tracing::{error, info, warn};

use crate::provider::{ErrorCategory, Provider, ProviderError};
use crate::serve::answer::Problem;
use crate::serve::return_to::ReturnTo;
use crate::serve::state::Shared;

use axum::http::StatusCode;

use portcullis_core::endpoints;

use super::start::path;

/// A sign-in that its provider, or the browser's way back from it, has ended.
pub(super) fn with_provider(
    state: &Shared,
    provider: &Provider,
    fault: &ProviderError,
    to: Option<&ReturnTo>,
) -> Problem {
    let (name, kind, category) = (provider.name(), fault.kind(), fault.category());
    state.metrics.provider_failed(name, kind);
    match category {
        ErrorCategory::StaleAttempt | ErrorCategory::AccessDenied => {
            info!(provider = name, kind, %fault, "no sign-in")
        }
        ErrorCategory::Unreachable => warn!(provider = name, kind, %fault, "no sign-in"),
        ErrorCategory::Misconfigured => error!(provider = name, kind, %fault, "no sign-in"),
    }
    let again = path(endpoints::SIGN_IN.path, to, None, false);
    match category {
        ErrorCategory::StaleAttempt => stale(again),
        ErrorCategory::AccessDenied => Problem::new(
            StatusCode::FORBIDDEN,
            "access_denied",
            "You are not signed in",
            "Whoever signs people in here has not let you in, or you have called it off.",
        )
        .with_link(again, "Sign in again"),
        ErrorCategory::Misconfigured => Problem::new(
            StatusCode::BAD_GATEWAY,
            "server_error",
            "You are not signed in",
            "What came back from your sign-in can't be accepted. Whoever runs this has to look into \
             it; the log has more under the number below.",
        )
        .with_link(again, "Try again"),
        ErrorCategory::Unreachable => {
            Problem::unavailable("Whoever signs people in here can't be reached just now.")
                .with_link(again, "Try again")
        }
    }
}

/// A sign-in that this browser did not begin, or that is over.
pub(super) fn stale(again: String) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "invalid_request",
        "This sign-in is over",
        "It took too long, has come to its end already, or was begun in another browser.",
    )
    .with_link(again, "Sign in again")
}
