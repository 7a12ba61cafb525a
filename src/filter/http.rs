//! The callbacks for each request.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host;
use crate::verdict::{self, RequestState};
use crate::worker::Worker;

/// One request.
#[derive(Debug)]
pub(crate) struct Http {
    id: u32,
    worker: Rc<RefCell<Worker>>,
    /// The state after the first evaluation; `Replied` before it.
    state: RequestState,
}

impl Http {
    /// The request of the context with this id, on this worker.
    pub(crate) const fn new(id: u32, worker: Rc<RefCell<Worker>>) -> Self {
        Self {
            id,
            worker,
            state: RequestState::Replied,
        }
    }

    /// Whether the rest of the request continues: only if it is allowed. A refused request is paused
    /// too, because the host may have failed to send its local reply.
    fn action(&self) -> Action {
        let is_forwarded = match self.state {
            RequestState::Forwarded => true,
            RequestState::Replied => false,
            RequestState::Waiting => {
                let worker = self.worker.try_borrow();
                worker.is_ok_and(|worker| !worker.is_held(self.id))
            }
        };
        if is_forwarded {
            Action::Continue
        } else {
            Action::Pause
        }
    }
}

impl Context for Http {
    // The SDK passes the response to the context whose callback made the call.
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.handle_response(token, headers, body);
            worker.resume_refreshed();
        }
    }
}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        // Envoy never calls a worker's VM concurrently, so the borrow always succeeds.
        self.state = match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.receive(self.id, end_of_stream),
            Err(_) => verdict::refuse_unreadable(host::Error::InternalFailure),
        };
        match self.state {
            RequestState::Forwarded => Action::Continue,
            // A paused request is not forwarded, neither its headers nor any byte of its body.
            RequestState::Replied | RequestState::Waiting => Action::Pause,
        }
    }

    // Envoy calls this for a paused request only if the plugin has
    // `allow_on_headers_stop_iteration`, and `Continue` would then forward the headers too.
    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // Also while the request waits: Envoy does not call again for held trailers.
        let stripped = match self.worker.try_borrow() {
            Ok(worker) => worker.remove_trailers(),
            Err(_) => Err(host::Error::InternalFailure),
        };
        match stripped {
            Ok(()) => self.action(),
            Err(error) => {
                // The headers may already be forwarded, so the request is reset by a local reply.
                let _replied = verdict::refuse_unchangeable(error);
                Action::Pause
            }
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.add_cookies(self.id);
        }
        Action::Continue
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.request_ended(self.id);
        }
    }
}
