//! The table of what the companion answers, one file an endpoint.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};

use super::answer::Problem;
use super::health::{ping, ready};
use super::middleware::around;
use super::state::Shared;

mod auth;
mod backchannel_logout;
mod callback;
mod embedded;
mod errors;
mod keys;
mod metrics;
mod mirror;
mod refresh;
mod sign_in;
mod sign_out;
mod start;
mod userinfo;

/// What people, proxies and providers ask for.
pub(super) fn main(state: &Shared) -> Router {
    let routes = Router::new()
        .route("/oauth2/auth", any(auth::auth))
        .route("/oauth2/auth/", any(auth::auth))
        .route("/oauth2/auth/{*path}", any(auth::auth))
        .route(
            "/oauth2/backchannel-logout",
            post(backchannel_logout::backchannel_logout),
        )
        .route("/oauth2/callback", get(callback::bare))
        .route("/oauth2/callback/{provider}", get(callback::of_provider))
        .route("/oauth2/jwks", get(keys::jwks))
        .route("/oauth2/mirror/{trust}", get(mirror::mirror))
        .route("/oauth2/refresh", post(refresh::refresh))
        .route("/oauth2/revocations", get(keys::revocations))
        .route("/oauth2/sign_in", get(sign_in::sign_in))
        .route(
            "/oauth2/sign_out",
            get(sign_out::by_get).post(sign_out::by_post),
        )
        .route("/oauth2/start", get(start::start))
        .route("/oauth2/userinfo", get(userinfo::userinfo))
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
