//! `GET /metrics`: metrics for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::commands::serve::problem::Problem;
use crate::commands::serve::state::SharedState;
use crate::metrics::OPEN_METRICS;

pub(super) async fn metrics(State(state): State<SharedState>) -> Result<Response, Problem> {
    let evaluator = state.forward_auth.load();
    state
        .metrics
        .ambiguous_keys(evaluator.issuers().ambiguous_keys());
    let text = state.metrics.text().map_err(|_| Problem::internal())?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
