//! The routes of the companion, one file for each endpoint.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};
use portcullis_core::endpoints as paths;

use super::detached::{Detached, detach};
use super::health::{ping, ready};
use super::middleware::wrap;
use super::problem::Problem;
use super::state::{SharedSignInState, SharedState};
use userinfo::UserInfoState;

mod auth;
mod backchannel_logout;
mod callback;
mod entity_tag;
mod errors;
mod fetch_metadata;
mod keys;
mod metrics;
mod mirror;
mod refresh;
mod sign_in;
mod sign_out;
mod start;
mod userinfo;

/// The routes of the main listener. `sign_in` is `None` if sign-in is not configured.
pub(super) fn main(state: &SharedState, sign_in: Option<&SharedSignInState>) -> Router {
    let routes = Router::new()
        .route(paths::AUTH.path, any(auth::auth))
        .route(&paths::AUTH.subpath(""), any(auth::auth))
        .route(&paths::AUTH.subpath("{*path}"), any(auth::auth))
        .route(&paths::MIRROR.subpath("{trust}"), get(mirror::mirror))
        .route(paths::PING.path, get(ping))
        .route(paths::READY.path, get(ready));
    let routes = routes.with_state(Arc::clone(state));
    let userinfo_state = UserInfoState {
        app: Arc::clone(state),
        sign_in: sign_in.cloned(),
    };
    let route = Router::new().route(paths::USERINFO.path, get(userinfo::userinfo));
    let routes = routes.merge(route.with_state(userinfo_state));
    let routes = match sign_in {
        Some(sign_in) => routes.merge(with_sign_in(sign_in, state.config.limits.request)),
        None => routes.merge(without_sign_in()),
    };
    wrapped(routes, state, sign_in.is_some())
}

/// The routes that need sign-in.
fn with_sign_in(state: &SharedSignInState, timeout: Duration) -> Router {
    let background = state.identity.sessions.background().clone();
    let detached = from_fn_with_state(Detached::new(timeout, background), detach);
    Router::new()
        .route(
            paths::BACKCHANNEL_LOGOUT.path,
            post(backchannel_logout::backchannel_logout).layer(detached.clone()),
        )
        .route(
            paths::CALLBACK.path,
            without_head([(Method::GET, get(callback::without_name))]),
        )
        .route(
            &paths::CALLBACK.subpath("{provider}"),
            without_head([(Method::GET, get(callback::with_name))]),
        )
        .route(paths::JWKS.path, get(keys::jwks))
        .route(paths::REFRESH.path, post(refresh::refresh))
        .route(paths::REVOCATIONS.path, get(keys::revocations))
        .route(paths::SIGN_IN.path, get(sign_in::sign_in))
        .route(
            paths::SIGN_OUT.path,
            without_head([
                (Method::GET, get(sign_out::by_get)),
                (Method::POST, post(sign_out::by_post)),
            ])
            .layer(detached),
        )
        .route(
            paths::START.path,
            without_head([(Method::GET, get(start::start))]),
        )
        .with_state(Arc::clone(state))
}

/// All other paths below `/oauth2`, if sign-in is not configured.
fn without_sign_in() -> Router {
    Router::new().route("/oauth2/{*path}", any(sign_in_not_configured))
}

/// The routes of the metrics listener.
pub(super) fn metrics(state: &SharedState) -> Router {
    let routes = Router::new()
        .route("/metrics", get(metrics::metrics))
        .route(paths::PING.path, get(ping))
        .route(paths::READY.path, get(ready));
    wrapped(routes.with_state(Arc::clone(state)), state, false)
}

fn wrapped(routes: Router, state: &SharedState, has_sign_in: bool) -> Router {
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    let limits = Arc::new(state.config.limits.clone());
    wrap(routes, &limits, &state.metrics, has_sign_in)
}

async fn not_found() -> Problem {
    Problem::not_found()
}

async fn method_not_allowed() -> Problem {
    let (status, title) = (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    let text = "This address does not accept this kind of request. Go back, and open the app that you \
                want to use.";
    Problem::new(status, "invalid_request", title, text)
}

/// An endpoint with these methods whose GET changes something. axum would handle a HEAD like a GET, and programs
/// that check links send them. Every other method is refused with the same `Allow`.
fn without_head<S, const N: usize>(routes: [(Method, MethodRouter<S>); N]) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let names: Vec<&str> = routes.iter().map(|(method, _)| method.as_str()).collect();
    let allowed = names.join(", ");
    let refused = move || async move { ([(ALLOW, allowed)], method_not_allowed().await) };
    let routes = routes.into_iter().map(|(_, route)| route);
    let endpoint = routes.fold(MethodRouter::new(), MethodRouter::merge);
    endpoint.head(refused.clone()).fallback(refused)
}

async fn sign_in_not_configured() -> Problem {
    let text = "There is no sign-in here: this site accepts bearer tokens only. Call the app with a bearer \
                token, or ask the operator of this site for access.";
    let title = "Sign-in is not configured";
    Problem::new(StatusCode::NOT_FOUND, "not_found", title, text)
}
