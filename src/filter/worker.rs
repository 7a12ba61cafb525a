//! One worker: the engine, its readers, and the calls in progress.

mod reading;

use std::collections::BTreeMap;

use log::Level;
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::timestamp::Timestamp;
use portcullis_engine::metrics::{Change, Kind, Metric};
use portcullis_engine::{At, Call, CallId, Effect, Engine, Moment, Reader, Reply, RequestId};

use crate::host::{self, Map, Pairs};
use crate::signatures::Checker;
use crate::verdict::{self, Outcome};

/// The maximum number of waiting requests that are resumed in one callback. Envoy runs the
/// resulting actions when the callback returns, and each local reply can call the VM again, nested
/// in the one before. At a few hundred the stack overflows: a trap, which ends every request of the
/// worker.
const BATCH: usize = 32;

/// The state of one worker.
#[derive(Debug)]
pub(crate) struct Worker {
    /// The root context.
    root: u32,
    engine: Engine,
    readers: Vec<Reader>,
    checker: Checker,
    calls: Vec<Pending>,
    /// The host's ids of the engine's metrics, by index; `None` if the host refused to define it.
    metrics: BTreeMap<usize, Option<u32>>,
}

/// A call in progress.
#[derive(Debug)]
struct Pending {
    /// The host's token for the call.
    token: u32,
    id: CallId,
    /// The reader that made the call; `None` for the engine.
    reader: Option<usize>,
    /// The request whose callback made the call: the SDK passes the reply to that context, if it
    /// still exists.
    owner: Option<RequestId>,
    max_body: usize,
}

impl Worker {
    /// Starts a worker with this policy, in the root context with this id. Writes an initial record
    /// for each reader whose workers share none yet.
    pub(crate) fn start(policy: Policy, root: u32) -> Self {
        let checker = Checker::detect();
        if !checker.uses_host() {
            let line = "portcullis: this host does not check signatures; they are checked in the \
                        filter, ten times slower, and ES384 not at all";
            host::log(Level::Warn, line);
        }
        let moment = moment();
        let mut worker = Self {
            root,
            readers: Reader::of(&policy, moment),
            engine: Engine::new(policy, moment.time),
            checker,
            calls: Vec::new(),
            metrics: BTreeMap::new(),
        };
        for metric in worker.engine.metrics() {
            worker.metrics.insert(metric.index, define(metric));
        }
        worker.start_readers();
        worker
    }

    /// Handles the request of the effective context, which has this id.
    pub(crate) fn receive(&mut self, id: u32) -> Outcome {
        let outcome = self.evaluate(id, now());
        if outcome == Outcome::Waits {
            if !self.carry_out_effects() {
                // The call could not be made, so the refresh already has an outcome.
                self.settle_refreshed();
            }
            self.flush();
        }
        outcome
    }

    /// Evaluates the request of the effective context and enforces the decision.
    fn evaluate(&mut self, id: u32, now: Timestamp) -> Outcome {
        let pairs = match host::request_headers() {
            Ok(pairs) => pairs,
            Err(error) => {
                self.engine.gone(RequestId(id.into()));
                return verdict::unreadable(error);
            }
        };
        let headers = Headers::new(Pairs::iter(&pairs).collect());
        let at = At {
            time: now,
            signatures: &self.checker,
        };
        let step = self.engine.request(RequestId(id.into()), &headers, at);
        let outcome = verdict::carry_out(&step);
        if let Some(microseconds) = self.checker.take_duration() {
            self.engine.verification_took(microseconds);
        }
        outcome
    }

    /// Whether the request of this context waits.
    pub(crate) fn is_waiting(&self, id: u32) -> bool {
        self.engine.is_waiting(RequestId(id.into()))
    }

    /// Removes the trailers of the effective context that apps must not receive.
    pub(crate) fn strip_trailers(&self) -> Result<(), host::Error> {
        let pairs = host::request_trailers()?;
        let trailers = Headers::new(Pairs::iter(&pairs).collect());
        let mut names = self.engine.removed_trailers(&trailers);
        names.try_for_each(|name| host::remove_header(Map::RequestTrailers, name))
    }

    /// Adds the cookies of a refreshed session to the response of this context, which is the
    /// effective one.
    pub(crate) fn add_cookies(&mut self, id: u32) {
        let Some(reply) = self.engine.response(RequestId(id.into())) else {
            return;
        };
        let add = || {
            for (name, value) in reply.replaced() {
                host::replace_header(Map::Response, name.as_bytes(), value.as_bytes())?;
            }
            for name in reply.removed() {
                host::remove_header(Map::Response, name.as_bytes())?;
            }
            let mut cookies = reply.set_cookies();
            cookies.try_for_each(|cookie| host::add_header(Map::Response, b"set-cookie", cookie))
        };
        if let Err(error) = add() {
            let line =
                format!("portcullis: a session's cookies can't be added to an answer: {error}");
            host::log(Level::Error, &line);
        }
    }

    /// Removes a request that has ended.
    pub(crate) fn leave(&mut self, id: u32) {
        let id = RequestId(id.into());
        self.calls.retain(|call| call.owner != Some(id));
        if self.engine.gone(id) {
            self.flush();
        }
    }

    /// Handles the reply to the call with this token.
    pub(crate) fn take_reply(&mut self, token: u32, headers: usize, body: usize) {
        let Some(place) = self.calls.iter().position(|call| call.token == token) else {
            return;
        };
        let call = self.calls.swap_remove(place);
        let read = host::http_call_headers(headers).ok().flatten();
        let pairs = read.unwrap_or_default();
        let body = match host::http_call_body(body, call.max_body) {
            Err(host::Error::TooLarge) => Some(vec![0; call.max_body.saturating_add(1)]),
            body => body.ok(),
        };
        let headers = Headers::new(Pairs::iter(&pairs).collect());
        let body = body.filter(|_| !pairs.is_empty());
        let reply = body.as_ref().map(|body| Reply {
            headers: &headers,
            body,
        });
        match call.reader {
            Some(reader) => self.reader_reply(reader, call.id, reply.as_ref()),
            None => self.engine.reply(call.id, reply.as_ref()),
        }
    }

    /// Handles the tick, in a callback of the root context.
    pub(crate) fn tick(&mut self) {
        self.tick_readers();
        self.engine.tick(now());
        self.carry_out_effects();
        self.flush();
    }

    /// Evaluates waiting requests again, if what they wait for is available or their wait has timed
    /// out: one batch for each call. Must run in a callback of the root context.
    pub(crate) fn settle(&mut self) {
        let now = now();
        let due = self.engine.due(BATCH, now);
        self.settle_each(&due, now);
        // Further calls belong to the root context.
        if let Err(error) = host::set_effective_context(self.root) {
            let line = format!("portcullis: the root context is gone: {error}");
            host::log(Level::Error, &line);
        }
        self.carry_out_effects();
    }

    /// The same, but only for requests whose session was just refreshed. May run in any callback.
    pub(crate) fn settle_refreshed(&mut self) {
        let due = self.engine.due_by_refresh(BATCH);
        self.settle_each(&due, now());
    }

    fn settle_each(&mut self, due: &[RequestId], now: Timestamp) {
        for id in due {
            let context = u32::try_from(id.0).unwrap_or_default();
            // The context no longer exists if the client has disconnected.
            if host::set_effective_context(context).is_err() {
                self.engine.gone(*id);
                continue;
            }
            if self.evaluate(context, now) == Outcome::Forwarded
                && let Err(error) = host::resume_request()
            {
                let line = format!("portcullis: an allowed request can't be resumed: {error}");
                host::log(Level::Error, &line);
            }
        }
        if !due.is_empty() {
            self.flush();
        }
    }

    /// Performs the queued effects, and returns whether every call could be made.
    fn carry_out_effects(&mut self) -> bool {
        let mut all_made = true;
        while let Some(effect) = self.engine.next_effect() {
            match effect {
                Effect::Log(level, line) => host::log(level, &line),
                Effect::Call(call) => {
                    if !self.send(&call, None) {
                        self.engine.reply(call.id, None);
                        all_made = false;
                    }
                }
            }
        }
        all_made
    }

    /// Makes a call, and returns whether it could be made.
    fn send(&mut self, call: &Call, reader: Option<usize>) -> bool {
        match host::dispatch_http_call(&call.cluster, &call.headers, call.timeout) {
            Ok(token) => {
                self.calls.push(Pending {
                    token,
                    id: call.id,
                    reader,
                    owner: call.owner,
                    max_body: call.max_body,
                });
                true
            }
            Err(error) => {
                let line = format!(
                    "portcullis: no call can be made through cluster {} ({error}); help: configure \
                     the cluster in this proxy",
                    call.cluster
                );
                host::log(Level::Warn, &line);
                false
            }
        }
    }

    /// Passes the changes of metrics to Envoy.
    fn flush(&mut self) {
        let ids = &mut self.metrics;
        self.engine.take_changes(&mut |metric, change| {
            if let Some(id) = *ids.entry(metric.index).or_insert_with(|| define(metric)) {
                let _uncounted = match change {
                    Change::Add(by) => host::increment_metric(id, by),
                    Change::Set(value) | Change::Record(value) => host::record_metric(id, value),
                };
            }
        });
    }
}

/// Defines a metric, or finds the one of that name.
fn define(metric: &Metric) -> Option<u32> {
    let kind = match metric.kind {
        Kind::Counter => host::MetricKind::Counter,
        Kind::Gauge => host::MetricKind::Gauge,
        Kind::Histogram => host::MetricKind::Histogram,
    };
    host::define_metric(kind, metric.name.as_bytes()).ok()
}

/// The time. If the host has no clock, every token counts as expired.
fn now() -> Timestamp {
    Timestamp::from_millis(host::now().unwrap_or(u64::MAX))
}

/// The time and a random number.
fn moment() -> Moment {
    Moment {
        time: now(),
        random: host::random(),
    }
}
