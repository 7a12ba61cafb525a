//! Liveness (`/ping`) and readiness (`/ready`).

use axum::extract::State;
use axum::response::Response;

use super::state::SharedState;

/// `GET /ping`: the process is alive.
pub(super) async fn ping() -> &'static str {
    "OK\n"
}

/// `GET /ready`: whether the companion is ready, and otherwise what is missing; and the revision of its policy.
pub(super) async fn ready(State(state): State<SharedState>) -> Response {
    let evaluator = state.forward_auth.load();
    state.readiness.response(evaluator.policy().revision())
}
