//! Whether a command is ready for requests.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// What is required for readiness.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    requirements: Vec<Requirement>,
    stopping: AtomicBool,
}

/// A requirement for readiness.
struct Requirement {
    name: Cow<'static, str>,
    is_met: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A status that one task sets and others read. `false` at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatusFlag(Arc<AtomicBool>);

impl Readiness {
    /// Adds a requirement. `is_met` is called for each `/ready`, so it must not block.
    pub(crate) fn require(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        is_met: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        self.requirements.push(Requirement {
            name: name.into(),
            is_met: Box::new(is_met),
        });
    }

    /// Reports not ready from now on, so that no new requests are routed here while the last ones
    /// finish.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The response to `GET /ready`: whether all requirements are met, and otherwise what is missing. Below, the
    /// revision of what is served, if it has one.
    pub(crate) fn response(&self, revision: Option<&str>) -> Response {
        let missing = self.missing();
        let (status, mut text) = if missing.is_empty() {
            (StatusCode::OK, "OK\n".to_owned())
        } else {
            let missing = format!("missing: {}\n", missing.join(", "));
            (StatusCode::SERVICE_UNAVAILABLE, missing)
        };
        if let Some(revision) = revision {
            text.extend(["revision: ", revision, "\n"]);
        }
        (status, text).into_response()
    }

    /// The names of what is missing. No details, because the endpoint is public.
    fn missing(&self) -> Vec<&str> {
        let stopping = self.stopping.load(Ordering::Relaxed).then_some("stopping");
        let missing = self.requirements.iter().filter(|one| !(one.is_met)());
        missing.map(|one| &*one.name).chain(stopping).collect()
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
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
