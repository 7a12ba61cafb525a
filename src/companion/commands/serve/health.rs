//! Liveness (`/ping`) and readiness (`/ready`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::state::SharedState;

/// What is required for readiness. Nothing is required if sign-in is not configured.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    requirements: Vec<Requirement>,
    stopping: AtomicBool,
}

/// A requirement for readiness.
struct Requirement {
    name: &'static str,
    is_met: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A status that one task sets and others read. `false` at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatusFlag(Arc<AtomicBool>);

impl Readiness {
    /// Adds a requirement. `is_met` is called for each `/ready`, so it must not block.
    pub(crate) fn require(
        &mut self,
        name: &'static str,
        is_met: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        self.requirements.push(Requirement {
            name,
            is_met: Box::new(is_met),
        });
    }

    /// Reports not ready from now on, so that no new requests are routed here while the last ones
    /// finish.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The names of what is missing. No details, because the endpoint is public.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let stopping = self.stopping.load(Ordering::Relaxed).then_some("stopping");
        let missing = self.requirements.iter().filter(|one| !(one.is_met)());
        missing.map(|one| one.name).chain(stopping).collect()
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// === impl StatusFlag ===

impl StatusFlag {
    /// Sets the status.
    pub(crate) fn set(&self, status: bool) {
        self.0.store(status, Ordering::Relaxed);
    }

    /// The status.
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `GET /ping`: the process is alive.
pub(super) async fn ping() -> &'static str {
    "OK\n"
}

/// `GET /ready`: whether the companion is ready, and otherwise what is missing.
pub(super) async fn ready(State(state): State<SharedState>) -> Response {
    let missing = state.readiness.missing();
    if missing.is_empty() {
        return "OK\n".into_response();
    }
    let missing = format!("missing: {}\n", missing.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, missing).into_response()
}
