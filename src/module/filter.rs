//! The engines of a configuration, one for each worker, and the handling of requests.
//!
//! Envoy loads a configuration once, and calls the hooks of all workers with it concurrently. An
//! engine belongs to one worker, so each worker thread has its own, created at its first request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::local_reply::LocalReply;
use portcullis_core::outcome::{Outcome, Verdict};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_engine::metrics::Kind;
use portcullis_engine::{
    Effect, Engine, RequestContext, RequestId, Step, TICK, client_address, configuration, log_level,
};

use crate::abi::Map;
use crate::envoy::{self, Refused, Request};
use crate::metrics::{FamilyId, Metrics};
use crate::signatures::NativeSignatures;

thread_local! {
    /// This worker's engines, one for each configuration: there are several while Envoy drains an
    /// old listener, or if several listeners have the filter.
    static WORKERS: RefCell<Vec<Worker>> = const { RefCell::new(Vec::new()) };
}

/// One worker's engine for one configuration.
#[derive(Debug)]
struct Worker {
    config: Weak<FilterConfig>,
    state: Rc<State>,
}

/// What the filters of one worker share.
#[derive(Debug)]
struct State {
    engine: RefCell<Engine>,
    metrics: Arc<Metrics>,
    /// When the engine had its last tick.
    ticked: Cell<Timestamp>,
}

/// A configuration.
#[derive(Debug)]
pub(crate) struct FilterConfig {
    policy: Policy,
    metrics: Arc<Metrics>,
}

/// The filter of one request, with what its worker has.
#[derive(Debug)]
pub(crate) struct Filter {
    state: Rc<State>,
}

/// How a request was handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum RequestState {
    Replied,
    Forwarded,
}

impl FilterConfig {
    /// Reads a configuration, in the forms that the proxy-wasm filter takes: Envoy unwraps a
    /// StringValue or BytesValue, and turns a Struct into JSON. `define` defines a family of metrics.
    pub(crate) fn read(
        bytes: &[u8],
        define: impl Fn(Kind, &str, &[&str]) -> Option<FamilyId>,
    ) -> Result<Arc<Self>, String> {
        let policy = configuration::policy(bytes)?;
        if policy.sso().is_some() {
            return Err(unsupported("sso", "remove `sso`"));
        }
        for trust in policy.trusts() {
            if trust.keys.remote.is_some() {
                let place = format!("trust {}: keys", trust.name);
                return Err(unsupported(
                    &place,
                    "give the key set under `keys.inline`, without `envoy_cluster`",
                ));
            }
        }
        let metrics = Metrics::define(&Engine::new(policy.clone(), now()), define);
        Ok(Arc::new(Self {
            policy,
            metrics: Arc::new(metrics),
        }))
    }

    /// A filter for a request on the current worker thread.
    pub(crate) fn filter(self: &Arc<Self>) -> Filter {
        WORKERS.with_borrow_mut(|workers| {
            let mut found = workers.iter();
            if let Some(worker) = found.find(|worker| worker.config.as_ptr() == Arc::as_ptr(self)) {
                let state = Rc::clone(&worker.state);
                return Filter { state };
            }
            workers.retain(|worker| worker.config.strong_count() > 0);
            let now = now();
            let state = Rc::new(State {
                engine: RefCell::new(Engine::new(self.policy.clone(), now)),
                metrics: Arc::clone(&self.metrics),
                ticked: Cell::new(now),
            });
            workers.push(Worker {
                config: Arc::downgrade(self),
                state: Rc::clone(&state),
            });
            Filter { state }
        })
    }
}

impl Filter {
    /// The end of the request. Envoy takes metrics from the hooks of requests alone, so those that no later request would
    /// pass on are passed on now.
    pub(crate) fn complete(&self, request: &Request<'_>) {
        // The worker's own, and that of this filter.
        let is_last = Rc::strong_count(&self.state) <= 2;
        if is_last && let Ok(mut engine) = self.state.engine.try_borrow_mut() {
            self.flush_metrics(&mut engine, request);
        }
    }

    fn flush_metrics(&self, engine: &mut Engine, request: &Request<'_>) {
        self.state
            .metrics
            .flush(engine, |kind, id, values, change| {
                request.change_metric(kind, id, values, change);
            });
    }

    /// Evaluates the request and enforces the decision. `is_whole` says that neither body nor trailers
    /// follow.
    pub(crate) fn evaluate(&self, request: &mut Request<'_>, is_whole: bool) -> RequestState {
        self.try_evaluate(request, is_whole)
            .unwrap_or_else(|Refused| {
                let line = "portcullis: request refused: its headers can't be read or changed";
                envoy::log(log::Level::Error, line);
                request.send_local_reply(&LocalReply::internal());
                RequestState::Replied
            })
    }

    fn try_evaluate(
        &self,
        request: &mut Request<'_>,
        is_whole: bool,
    ) -> Result<RequestState, Refused> {
        // Ids are needed for waiting requests only. With inline keys no request waits, so one id is
        // enough.
        const ONLY: RequestId = RequestId(0);
        let mut engine = self.state.engine.try_borrow_mut().map_err(|_| Refused)?;
        let now = now();
        if now.since(self.state.ticked.get()) >= TICK {
            self.state.ticked.set(now);
            engine.tick(now);
            self.flush_metrics(&mut engine, request);
        }
        let map = request.headers(Map::Request)?;
        let headers = map.fields().whole(is_whole);
        if headers.iter().next().is_none() {
            return Err(Refused);
        }
        let context = RequestContext {
            time: now,
            signatures: &NativeSignatures,
            calls_end_with_request: false,
        };
        let outcome = match engine.request(ONLY, &headers, context) {
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
                RequestState::Forwarded
            }
            Step::Decided(Outcome::Reply(reply, verdict)) => {
                record(request, &verdict);
                request.send_local_reply(&reply);
                RequestState::Replied
            }
            Step::Wait => {
                engine.request_ended(ONLY);
                return Err(Refused);
            }
        };
        while let Some(effect) = engine.next_effect() {
            if let Effect::Log(level, line) = effect {
                envoy::log(level, &line);
            }
        }
        Ok(outcome)
    }

    /// Removes the trailers that apps must not receive. The headers may already be forwarded, so a
    /// request whose trailers can't be changed is reset by a local reply.
    pub(crate) fn remove_trailers(&self, request: &mut Request<'_>) -> RequestState {
        let mut remove = || {
            let engine = self.state.engine.try_borrow().map_err(|_| Refused)?;
            let map = request.headers(Map::RequestTrailers)?;
            let trailers = map.fields();
            let names = engine.removed_trailers(&trailers);
            let names: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
            drop(trailers);
            drop(map);
            let mut names = names.iter();
            names.try_for_each(|name| request.set(Map::RequestTrailers, name, None))
        };
        match remove() {
            Ok(()) => RequestState::Forwarded,
            Err(Refused) => {
                request.send_local_reply(&LocalReply::internal());
                RequestState::Replied
            }
        }
    }
}

/// Records the decision in the filter state, for access logs, and in the audit log.
fn record(request: &Request<'_>, verdict: &Verdict<'_>) {
    verdict.record(
        |name, value| request.set_filter_state(name, value),
        |level| envoy::is_logged(log_level(level)),
        || client_address(&request.source_address()?),
        |level, line| envoy::log(log_level(level), line),
    );
}

fn unsupported(place: &str, help: &str) -> String {
    format!(
        "{place}: not supported by this version of the module, which supports inline keys only; help: \
         {help}, or use the WebAssembly filter"
    )
}

/// The time. If the clock is before 1970, every token counts as expired.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(u64::MAX, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    Timestamp::from_millis(millis)
}
