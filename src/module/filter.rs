//! The filter of one request.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use log::Level;
use portcullis_core::local_reply::LocalReply;
use portcullis_engine::RequestId;

use crate::abi::{self, Map, Refused, Request, RequestScheduler};
use crate::reply;
use crate::shared::Shared;
use crate::worker::Worker;

/// The filter of one request.
#[derive(Debug)]
pub(crate) struct Filter {
    worker: Rc<Worker>,
    id: RequestId,
    phase: Cell<Phase>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The request was not evaluated yet.
    New,
    /// The request waits.
    Waiting,
    Forwarded,
    Refused,
}

/// What the hook must do with the request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Action {
    /// Forward it. Its headers are changed.
    Forward,
    /// Hold it.
    Hold,
    /// Send this local reply; nothing of the request is forwarded.
    Reply(LocalReply),
}

impl Filter {
    /// The filter of a new request on the current thread.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let worker = Worker::of(shared);
        Self {
            id: worker.new_request(),
            worker,
            phase: Cell::new(Phase::New),
        }
    }

    /// Handles the headers of the request. `is_whole` says that neither body nor trailers follow.
    pub(crate) fn receive(&self, request: &mut Request<'_>, is_whole: bool) -> Action {
        let action = self.worker.receive(self.id, request, is_whole);
        self.settle(request, action)
    }

    /// Evaluates the request again, if it waits and is due.
    pub(crate) fn wake(&self, request: &mut Request<'_>) -> Action {
        if self.phase.get() != Phase::Waiting {
            return Action::Hold;
        }
        self.worker.begin_waiting(self.id);
        match self.worker.wake(self.id, request) {
            Some(action) => self.settle(request, action),
            None => Action::Hold,
        }
    }

    /// Whether the request is forwarded, so that its body is too.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.phase.get() == Phase::Forwarded
    }

    /// Removes the trailers that apps must not receive. The headers may already be forwarded, so a
    /// request whose trailers can't be changed is reset by a local reply.
    pub(crate) fn remove_trailers(&self, request: &mut Request<'_>) -> Action {
        if !self.is_forwarded() {
            return Action::Hold;
        }
        let removed = self.worker.removed_trailers(request).and_then(|names| {
            let mut names = names.iter();
            names.try_for_each(|name| request.set(Map::RequestTrailers, name, None))
        });
        match removed {
            Ok(()) => Action::Forward,
            Err(refused) => self.settle(request, Err(refused)),
        }
    }

    /// Adds the cookies of a refreshed session to the response.
    pub(crate) fn add_cookies(&self, request: &mut Request<'_>) {
        let Some(response) = self.worker.response_changes(self.id) else {
            return;
        };
        let mut add = || {
            for (name, value) in response.replaced() {
                request.set(Map::Response, name.as_bytes(), Some(value.as_bytes()))?;
            }
            for name in response.removed() {
                request.set(Map::Response, name.as_bytes(), None)?;
            }
            let mut cookies = response.set_cookies();
            cookies.try_for_each(|cookie| request.add(Map::Response, b"set-cookie", cookie))
        };
        if let Err(Refused) = add() {
            let line = "portcullis: the session cookies can't be added to a response";
            abi::log(Level::Error, line);
        }
    }

    /// Handles the end of the request.
    pub(crate) fn complete(&self, request: &Request<'_>) {
        self.stop_waiting();
        self.worker.complete(self.id, request);
    }

    /// Takes over the action, or refuses a request whose headers or trailers can't be read or changed.
    fn settle(&self, request: &Request<'_>, action: Result<Action, Refused>) -> Action {
        let action = action.unwrap_or_else(|Refused| {
            let line = "portcullis: request refused: its headers can't be read or changed";
            abi::log(Level::Error, line);
            Action::Reply(reply::internal())
        });
        match (&action, self.phase.get()) {
            (Action::Hold, Phase::Waiting) => {}
            (Action::Hold, _) => {
                let scheduler = RequestScheduler::of(request);
                self.worker.hold(self.id, scheduler);
                self.phase.set(Phase::Waiting);
            }
            (Action::Forward, _) => {
                self.stop_waiting();
                self.phase.set(Phase::Forwarded);
            }
            (Action::Reply(_), _) => {
                self.stop_waiting();
                self.phase.set(Phase::Refused);
            }
        }
        action
    }

    fn stop_waiting(&self) {
        if self.phase.get() == Phase::Waiting {
            self.worker.stop_waiting(self.id);
            self.phase.set(Phase::Refused);
        }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        self.stop_waiting();
        self.worker.request_ended(self.id);
    }
}
