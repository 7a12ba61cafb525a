//! What Envoy calls for each request.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host;
use crate::verdict::{self, Outcome};
use crate::worker::Worker;

/// One request.
#[derive(Debug)]
pub(crate) struct Http {
    id: u32,
    worker: Rc<RefCell<Worker>>,
}

impl Http {
    /// The request of the context with this id, on this worker.
    pub(crate) const fn new(id: u32, worker: Rc<RefCell<Worker>>) -> Self {
        Self { id, worker }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // Envoy never enters a worker's VM twice at once, so the worker is always free.
        let outcome = match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.receive(self.id),
            Err(_) => Some(verdict::unreadable(host::Error::InternalFailure)),
        };
        match outcome {
            Some(Outcome::GoesOn) => Action::Continue,
            // A paused request is not forwarded, neither its headers nor any byte of its body.
            Some(Outcome::Answered) | None => Action::Pause,
        }
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.leave(self.id);
        }
    }
}
