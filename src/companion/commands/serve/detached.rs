//! Requests that are completed even if their client disconnects.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::extract::read_body;
use super::problem::Problem;
use crate::background::BackgroundTasks;

#[cfg(test)]
mod tests;

/// The maximum number of such requests at the same time. Further ones end with their connection.
const MAX_DETACHED: usize = 256;

/// Which requests run detached, and for how long.
#[derive(Clone, Debug)]
pub(super) struct Detached {
    permits: Arc<Semaphore>,
    timeout: Duration,
    background: BackgroundTasks,
}

impl Detached {
    /// Each request may take this long. A shutdown waits for `background`.
    pub(super) fn new(timeout: Duration, background: BackgroundTasks) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_DETACHED)),
            timeout,
            background,
        }
    }
}

/// Runs the handler in a task of its own. hyper cancels a handler when its client disconnects, and a sign-out
/// must end the session also if the user closes the tab.
pub(super) async fn detach(
    State(detached): State<Detached>,
    request: Request,
    next: Next,
) -> Response {
    // Not while it holds a permit: any client can send a body, and slowly.
    let request = read_body(request).await;
    let Ok(permit) = detached.permits.try_acquire_owned() else {
        return next.run(request).await;
    };
    let running = async move {
        let _permit = permit;
        tokio::time::timeout(detached.timeout, next.run(request)).await
    };
    match detached.background.spawn(running.in_current_span()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::timed_out().into_response(),
        // The panic is logged by the hook.
        Err(_) => Problem::internal().into_response(),
    }
}
