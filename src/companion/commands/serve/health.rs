//! Whether the companion lives (`/ping`) and can be of use (`/ready`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::state::Shared;

/// What must be there before anybody can sign in.
#[derive(Debug, Default)]
pub(crate) struct Health {
    needs: Vec<Need>,
    stopping: AtomicBool,
}

/// One thing that must be there.
struct Need {
    name: &'static str,
    is_there: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A thing that is there, or is not, as whoever knows says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence(Arc<AtomicBool>);

impl Health {
    /// Adds a need. `is_there` is asked for each `/ready`, so it must not wait.
    pub(crate) fn need(
        &mut self,
        name: &'static str,
        is_there: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        self.needs.push(Need {
            name,
            is_there: Box::new(is_there),
        });
    }

    /// From now on no new requests are wanted, while those there are finish.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What is missing, by name alone: who asks is nobody in particular.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let stopping = self.stopping.load(Ordering::Relaxed).then_some("stopping");
        let missing = self.needs.iter().filter(|need| !(need.is_there)());
        missing.map(|need| need.name).chain(stopping).collect()
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// === impl Presence ===

impl Presence {
    /// Says whether it is there.
    pub(crate) fn set(&self, is_there: bool) {
        self.0.store(is_there, Ordering::Relaxed);
    }

    /// Whether it is there.
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `GET /ping`: the process answers.
pub(super) async fn ping() -> &'static str {
    "OK\n"
}

/// `GET /ready`: whether people can sign in now, and else what is missing.
pub(super) async fn ready(State(state): State<Shared>) -> Response {
    let missing = state.health.missing();
    if missing.is_empty() {
        return "OK\n".into_response();
    }
    let missing = format!("missing: {}\n", missing.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, missing).into_response()
}
