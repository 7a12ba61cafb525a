//! The table of what the companion answers, one file an endpoint.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use portcullis_core::endpoints as paths;

use super::answer::Problem;
use super::envelope::around;
use super::health::{ping, ready};
use super::state::Shared;

mod auth;
mod backchannel_logout;
mod callback;
mod embedded;
mod keys;
mod metrics;
mod mirror;
mod refresh;
mod sign_in;
mod sign_out;
mod start;
mod trouble;
mod userinfo;

/// What people, proxies and providers ask for.
pub(super) fn main(state: &Shared) -> Router {
    let routes = Router::new()
        .route(paths::AUTH.path, any(auth::auth))
        .route(&paths::AUTH.named(""), any(auth::auth))
        .route(&paths::AUTH.named("{*path}"), any(auth::auth))
        .route(
            paths::BACKCHANNEL_LOGOUT.path,
            post(backchannel_logout::backchannel_logout),
        )
        .route(paths::CALLBACK.path, get(callback::bare))
        .route(
            &paths::CALLBACK.named("{provider}"),
            get(callback::of_provider),
        )
        .route(paths::JWKS.path, get(keys::jwks))
        .route(&paths::MIRROR.named("{trust}"), get(mirror::mirror))
        .route(paths::REFRESH.path, post(refresh::refresh))
        .route(paths::REVOCATIONS.path, get(keys::revocations))
        .route(paths::SIGN_IN.path, get(sign_in::sign_in))
        .route(
            paths::SIGN_OUT.path,
            get(sign_out::by_get).post(sign_out::by_post),
        )
        .route(paths::START.path, get(start::start))
        .route(paths::USERINFO.path, get(userinfo::userinfo))
        .route(paths::PING.path, get(ping))
        .route(paths::READY.path, get(ready));
    enveloped(routes, state)
}

/// What those who watch over the companion ask for, on a listener of its own.
pub(super) fn watch_over(state: &Shared) -> Router {
    let routes = Router::new()
        .route("/metrics", get(metrics::metrics))
        .route(paths::PING.path, get(ping))
        .route(paths::READY.path, get(ready));
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
