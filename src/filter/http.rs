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

    /// Whether the rest of the request must wait for its verdict.
    fn hold(&self) -> Action {
        let worker = self.worker.try_borrow();
        if worker.is_ok_and(|worker| !worker.is_waiting(self.id)) {
            Action::Continue
        } else {
            Action::Pause
        }
    }
}

impl Context for Http {
    // The SDK hands the reply to a call to the context whose callback made it.
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.take_reply(token, headers, body);
            worker.settle_refreshed();
        }
    }
}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // Envoy never enters a worker's VM twice at once, so the worker is always free.
        let outcome = match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.receive(self.id),
            Err(_) => verdict::unreadable(host::Error::InternalFailure),
        };
        match outcome {
            Outcome::Forwarded => Action::Continue,
            // A paused request is not forwarded, neither its headers nor any byte of its body.
            Outcome::Answered | Outcome::Waits => Action::Pause,
        }
    }

    // Envoy asks for body and trailers of a paused request only where the plugin's configuration says
    // `allow_on_headers_stop_iteration`, and would then let the headers go with them.
    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.hold()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // Whether it waits or not: Envoy does not call again for trailers that are held.
        let stripped = match self.worker.try_borrow() {
            Ok(worker) => worker.strip_trailers(),
            Err(_) => Err(host::Error::InternalFailure),
        };
        match stripped {
            Ok(()) => self.hold(),
            Err(error) => {
                // The headers may be with the app by then, so that the request is broken off.
                let _answered = verdict::unprepared(error);
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
            worker.leave(self.id);
        }
    }
}
