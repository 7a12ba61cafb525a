//! The table of what the companion answers, one file an endpoint.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use super::answer::Problem;
use super::envelope::around;
use super::health::{ping, ready};
use super::state::Shared;

mod metrics;

#[cfg(test)]
mod tests;

/// What people, proxies and providers ask for.
pub(super) fn main(state: &Shared) -> Router {
    let routes = Router::new()
        .route("/ping", get(ping))
        .route("/ready", get(ready));
    enveloped(routes, state)
}

/// What those who watch over the companion ask for, on a listener of its own.
pub(super) fn watch_over(state: &Shared) -> Router {
    let routes = Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/ping", get(ping))
        .route("/ready", get(ready));
    enveloped(routes, state)
}

fn enveloped(routes: Router<Shared>, state: &Shared) -> Router {
    let routes = routes
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
        .with_state(Arc::clone(state));
    let limits = Arc::new(state.config.limits.clone());
    around(routes, &limits, &state.metrics)
}

async fn unknown() -> Problem {
    let text = "There is nothing at this address. Go to the app that you want; it leads here and \
                back where you have to sign in.";
    Problem::new(StatusCode::NOT_FOUND, "not_found", "Nothing is here", text)
}

async fn other_method() -> Problem {
    let (status, title) = (StatusCode::METHOD_NOT_ALLOWED, "Not in this way");
    let text = "This address is not asked in this way.";
    Problem::new(status, "invalid_request", title, text)
}
