//! One worker of one configuration: its engine, and the handling of requests.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use portcullis_core::outcome::{Outcome, Verdict};
use portcullis_core::request::Client;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;
use portcullis_engine::{
    Effect, Engine, RefreshResponse, RequestContext, RequestId, Step, TICK, client_address,
    log_level,
};

use crate::abi::{self, Map, Refused, Request, RequestScheduler};
use crate::clock::now;
use crate::filter::Action;
use crate::reply::{add_cookies, add_grpc_status};
use crate::shared::{Inbox, Shared, WorkerCall, WorkerId};
use crate::signatures::NativeSignatures;

thread_local! {
    /// This thread's workers, one for each configuration: there are several while Envoy drains an old
    /// listener, or if several listeners have the filter.
    static WORKERS: RefCell<Vec<Rc<Worker>>> = const { RefCell::new(Vec::new()) };
}

/// What the filters of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    id: WorkerId,
    /// What all workers share.
    pub(crate) shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    signatures: NativeSignatures,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    /// The version of the updates that the engine has.
    updates: u64,
    /// When the engine had its last tick.
    ticked: Timestamp,
    last_request: u64,
    /// How many requests have not ended.
    open_requests: usize,
    /// The requests that the engine wants to evaluate again, until their filters do.
    due: Vec<RequestId>,
    /// The sources whose keys requests wait for, as the main thread knows them.
    awaited: Vec<KeySourceId>,
}

impl Worker {
    /// This thread's worker for a configuration.
    pub(crate) fn of(shared: &Arc<Shared>) -> Rc<Self> {
        WORKERS.with_borrow_mut(|workers| {
            let mut found = workers.iter();
            if let Some(worker) = found.find(|worker| Arc::ptr_eq(&worker.shared, shared)) {
                return Rc::clone(worker);
            }
            workers.retain(|worker| !worker.shared.is_closed());
            let worker = Rc::new(Self::new(Arc::clone(shared)));
            workers.push(Rc::clone(&worker));
            worker
        })
    }

    fn new(shared: Arc<Shared>) -> Self {
        let now = now();
        Self {
            id: shared.new_worker(),
            inbox: Arc::default(),
            signatures: NativeSignatures::default(),
            state: RefCell::new(State {
                engine: Engine::new(shared.policy.clone(), now),
                updates: 0,
                // Its first request is its first tick, so that it does not report the metrics of an engine without
                // keys.
                ticked: Timestamp::from_millis(0),
                last_request: 0,
                open_requests: 0,
                due: Vec::new(),
                awaited: Vec::new(),
            }),
            shared,
        }
    }

    /// An id for a new request.
    pub(crate) fn new_request(&self) -> RequestId {
        let Ok(mut state) = self.state.try_borrow_mut() else {
            return RequestId(0);
        };
        state.open_requests = state.open_requests.saturating_add(1);
        state.last_request = state.last_request.wrapping_add(1);
        RequestId(state.last_request)
    }

    /// Evaluates a new request, and changes its headers if it is forwarded. `is_whole` says that neither
    /// body nor trailers follow.
    pub(crate) fn receive(
        &self,
        id: RequestId,
        request: &mut Request<'_>,
        is_whole: bool,
    ) -> Result<Action, Refused> {
        let mut state = self.state.try_borrow_mut().map_err(|_| Refused)?;
        let now = now();
        self.progress(&mut state, request, now);
        let action = self.evaluate(&mut state.engine, id, request, is_whole, now)?;
        self.perform_effects(&mut state);
        if matches!(action, Action::Hold) {
            self.report_waiting(&mut state, request);
        }
        Ok(action)
    }

    /// Evaluates a request that waits, if what it waits for is there or its wait has timed out; `None`
    /// otherwise.
    pub(crate) fn wake(
        &self,
        id: RequestId,
        request: &mut Request<'_>,
    ) -> Option<Result<Action, Refused>> {
        let mut state = self.state.try_borrow_mut().ok()?;
        let now = now();
        self.progress(&mut state, request, now);
        let due = state.engine.due(usize::MAX, now);
        // Each is evaluated in a hook of its own.
        for due in due.iter().filter(|due| **due != id) {
            self.shared.wake_request(self.id, *due);
        }
        state.due.extend(due);
        let Some(place) = state.due.iter().position(|due| *due == id) else {
            // A request that the engine does not know would wait for ever.
            let is_lost = !state.engine.is_waiting(id);
            return is_lost.then_some(Err(Refused));
        };
        state.due.swap_remove(place);
        // Only a preflight must be whole, and that never waits.
        let action = self.evaluate(&mut state.engine, id, request, false, now);
        self.perform_effects(&mut state);
        self.report_waiting(&mut state, request);
        Some(action)
    }

    /// Takes what the main thread has for this worker, and handles the tick if it is due.
    fn progress(&self, state: &mut State, request: &Request<'_>, now: Timestamp) {
        for update in self.shared.unseen(&mut state.updates) {
            state.engine.update(update);
        }
        for (call, response) in self.inbox.take() {
            match response {
                Some(response) => response.with(|response| {
                    state.engine.handle_response(call, Some(response));
                }),
                None => state.engine.handle_response(call, None),
            }
        }
        if now.since(state.ticked) >= TICK || now < state.ticked {
            state.ticked = now;
            state.engine.tick(now);
            self.flush_metrics(state, request);
        }
    }

    fn evaluate(
        &self,
        engine: &mut Engine,
        id: RequestId,
        request: &mut Request<'_>,
        is_whole: bool,
        now: Timestamp,
    ) -> Result<Action, Refused> {
        let map = request.headers(Map::Request)?;
        let headers = map.fields().whole(is_whole);
        if headers.iter().next().is_none() {
            return Err(Refused);
        }
        let context = RequestContext {
            time: now,
            signatures: &self.signatures,
            calls_end_with_request: false,
        };
        let action = match engine.request(id, &headers, context) {
            Step::Wait => Action::Hold,
            Step::Decided(Outcome::Reply(mut reply, verdict)) => {
                record(request, &verdict);
                drop(verdict);
                if headers.client() == Client::Grpc {
                    add_grpc_status(&mut reply);
                }
                // Envoy does not call this filter's hook for its own response.
                if let Some(response) = engine.response_changes(id) {
                    add_cookies(&mut reply, &response);
                }
                Action::Reply(reply)
            }
            Step::Decided(Outcome::Forward(verdict)) => {
                record(request, &verdict);
                // Copied first, because Envoy's bytes are invalid after the first change.
                let mut changes = Vec::new();
                verdict.change_headers(|name, value| {
                    changes.push((name.to_vec(), value.map(<[u8]>::to_vec)));
                    Ok::<_, Refused>(())
                })?;
                drop(verdict);
                drop(headers);
                drop(map);
                for (name, value) in &changes {
                    request.set(Map::Request, name, value.as_deref())?;
                }
                Action::Forward
            }
        };
        if let Some(microseconds) = self.signatures.take_duration() {
            engine.record_verification(microseconds);
        }
        Ok(action)
    }

    /// The names of the trailers of a request to remove.
    pub(crate) fn removed_trailers(&self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Refused> {
        let state = self.state.try_borrow().map_err(|_| Refused)?;
        let map = request.headers(Map::RequestTrailers)?;
        let trailers = map.fields();
        let names = state.engine.removed_trailers(&trailers);
        Ok(names.map(<[u8]>::to_vec).collect())
    }

    /// The changes of the response to a request.
    pub(crate) fn response_changes(&self, id: RequestId) -> Option<Rc<RefreshResponse>> {
        let mut state = self.state.try_borrow_mut().ok()?;
        state.engine.response_changes(id)
    }

    /// Makes a request wait.
    pub(crate) fn hold(&self, id: RequestId, scheduler: RequestScheduler) {
        self.shared.add_waiting(self.id, id, scheduler);
    }

    /// A waiting request was woken.
    pub(crate) fn begin_waiting(&self, id: RequestId) {
        self.shared.begin_waiting(self.id, id);
    }

    /// A request waits no more.
    pub(crate) fn stop_waiting(&self, id: RequestId) {
        self.shared.remove_waiting(self.id, id);
    }

    /// Handles the end of a request. Envoy takes a worker's metrics in the hooks of requests, so those that
    /// no later request would pass on are passed on now.
    pub(crate) fn complete(&self, id: RequestId, request: &Request<'_>) {
        let Ok(mut state) = self.state.try_borrow_mut() else {
            return;
        };
        state.open_requests = state.open_requests.saturating_sub(1);
        if remove(&mut state, id) {
            self.report_waiting(&mut state, request);
        } else if state.open_requests == 0 {
            self.flush_metrics(&mut state, request);
        }
    }

    /// Removes a request that has ended.
    pub(crate) fn request_ended(&self, id: RequestId) {
        if let Ok(mut state) = self.state.try_borrow_mut()
            && remove(&mut state, id)
        {
            self.report_awaited(&mut state);
        }
    }

    fn perform_effects(&self, state: &mut State) {
        while let Some(effect) = state.engine.next_effect() {
            match effect {
                Effect::Log(level, line) => abi::log(level, &line),
                Effect::Call(call) => {
                    let inbox = Arc::clone(&self.inbox);
                    let worker = self.id;
                    self.shared.queue_call(WorkerCall {
                        call,
                        worker,
                        inbox,
                    });
                }
            }
        }
    }

    /// Passes on that requests began to wait, or no longer do.
    fn report_waiting(&self, state: &mut State, request: &Request<'_>) {
        self.report_awaited(state);
        self.flush_metrics(state, request);
    }

    fn report_awaited(&self, state: &mut State) {
        let awaited: Vec<KeySourceId> = state.engine.awaited_sources().collect();
        if awaited != state.awaited {
            state.awaited.clone_from(&awaited);
            self.shared.set_awaited(self.id, awaited);
        }
    }

    fn flush_metrics(&self, state: &mut State, request: &Request<'_>) {
        let change = |change: &_| request.change_metric(change);
        self.shared.metrics.flush(&mut state.engine, change);
        self.shared.take_metrics().iter().for_each(change);
    }
}

/// Removes a request, and returns whether it waited.
fn remove(state: &mut State, id: RequestId) -> bool {
    state.due.retain(|due| *due != id);
    state.engine.request_ended(id)
}

/// Records the decision in the filter state, for access logs, and in the audit log.
fn record(request: &Request<'_>, verdict: &Verdict<'_>) {
    verdict.record(
        |name, value| request.set_filter_state(name, value),
        |level| abi::is_logged(log_level(level)),
        || client_address(&request.source_address()?),
        |level, line| abi::log(log_level(level), line),
    );
}
