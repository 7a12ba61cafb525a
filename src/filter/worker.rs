//! One worker: the engine with its readers, the signature verification, and the metrics.

mod envoy;

use std::collections::BTreeMap;

use log::Level;
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_engine::metrics::{Change, Kind, Metric};
use portcullis_engine::signatures::HostSignatures;
use portcullis_engine::{CallResponse, Driver, RequestContext, RequestId, header_map};

use self::envoy::{Envoy, now};
use crate::host::{self, Map};
use crate::verdict::{self, RequestState};

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
    driver: Driver<Envoy>,
    signatures: HostSignatures,
    /// The requests that waited and were refused. Usually empty, because a local reply ends them.
    refused: Vec<u32>,
    /// The host's ids of the engine's metrics, by index; `None` if the host refused to define it.
    metrics: BTreeMap<usize, Option<u32>>,
}

impl Worker {
    /// Starts a worker with this policy, in the root context with this id.
    pub(crate) fn start(policy: Policy, root: u32) -> Self {
        let signatures = HostSignatures::detect(host::verify_signature, host::now_microseconds);
        if !signatures.uses_host() {
            let line = "portcullis: this host does not support `verify_signature`; signatures are \
                        verified in the filter, ten times slower, and ES384 is not supported; \
                        help: use Envoy 1.36 or newer";
            host::log(Level::Warn, line);
        }
        let driver = Driver::start(policy, Envoy);
        let metrics = driver.engine.metrics();
        Self {
            root,
            metrics: metrics
                .map(|metric| (metric.index, define(metric)))
                .collect(),
            driver,
            signatures,
            refused: Vec::new(),
        }
    }

    /// Handles the request of the effective context, which has this id. `is_whole` says that neither
    /// body nor trailers follow.
    pub(crate) fn receive(&mut self, id: u32, is_whole: bool) -> RequestState {
        let state = self.evaluate(id, is_whole, now());
        if state == RequestState::Waiting {
            if !self.driver.perform_effects() {
                // The call could not be made, so the refresh already has an outcome.
                self.resume_refreshed();
            }
            self.flush_metrics();
        }
        state
    }

    /// Evaluates the request of the effective context and enforces the decision.
    fn evaluate(&mut self, id: u32, is_whole: bool, now: Timestamp) -> RequestState {
        let id = RequestId(id.into());
        let bytes = host::header_bytes(Map::Request);
        let headers = match bytes
            .as_deref()
            .map_err(|error| *error)
            .and_then(host::headers)
        {
            // Envoy returns an empty map if the request has ended. That is not a request without
            // credentials.
            Ok(headers) if headers.iter().next().is_some() => headers.whole(is_whole),
            read => {
                self.driver.engine.request_ended(id);
                return verdict::refuse_unreadable(read.err().unwrap_or(host::Error::Empty));
            }
        };
        let context = RequestContext {
            time: now,
            signatures: &self.signatures,
            calls_end_with_request: true,
        };
        let state = verdict::enforce(&self.driver.engine.request(id, &headers, context));
        if let Some(microseconds) = self.signatures.take_duration() {
            self.driver.engine.record_verification(microseconds);
        }
        state
    }

    /// Whether the request of this context, which had to wait, still waits or was refused.
    pub(crate) fn is_held(&self, id: u32) -> bool {
        self.driver.engine.is_waiting(RequestId(id.into())) || self.refused.contains(&id)
    }

    /// Removes the trailers of the effective context that apps must not receive.
    pub(crate) fn remove_trailers(&self) -> Result<(), host::Error> {
        let bytes = host::header_bytes(Map::RequestTrailers)?;
        let trailers = host::headers(&bytes)?;
        let mut names = self.driver.engine.removed_trailers(&trailers);
        names.try_for_each(|name| host::remove_header(Map::RequestTrailers, name))
    }

    /// Adds the cookies of a refreshed session to the response of this context, which is the
    /// effective one.
    pub(crate) fn add_cookies(&mut self, id: u32) {
        let Some(response) = self.driver.engine.response_changes(RequestId(id.into())) else {
            return;
        };
        let add = || {
            for (name, value) in response.replaced() {
                host::replace_header(Map::Response, name.as_bytes(), value.as_bytes())?;
            }
            for name in response.removed() {
                host::remove_header(Map::Response, name.as_bytes())?;
            }
            let mut cookies = response.set_cookies();
            cookies.try_for_each(|cookie| host::add_header(Map::Response, b"set-cookie", cookie))
        };
        if let Err(error) = add() {
            let line =
                format!("portcullis: the session cookies can't be added to a response: {error}");
            host::log(Level::Error, &line);
        }
    }

    /// Removes a request that has ended.
    pub(crate) fn request_ended(&mut self, id: u32) {
        self.refused.retain(|refused| *refused != id);
        if self.driver.request_ended(RequestId(id.into())) {
            self.flush_metrics();
        }
    }

    /// Handles the response to the call with this token.
    pub(crate) fn handle_response(&mut self, token: u32, headers: usize, body: usize) {
        let Some(call) = self.driver.take_call(token) else {
            return;
        };
        let bytes = host::http_call_header_bytes(headers).unwrap_or_default();
        let headers = header_map::decode(&bytes).unwrap_or_default();
        let body = match host::http_call_body(body, call.max_body()) {
            Err(host::Error::TooLarge) => Some(vec![0; call.max_body().saturating_add(1)]),
            body => body.ok(),
        };
        let body = body.filter(|_| headers.iter().next().is_some());
        let response = body.as_ref().map(|body| CallResponse {
            headers: &headers,
            body,
        });
        self.driver.handle_response(&call, response.as_ref());
    }

    /// Handles the tick, in a callback of the root context.
    pub(crate) fn tick(&mut self) {
        self.driver.tick();
        self.flush_metrics();
    }

    /// Evaluates waiting requests again, if what they wait for is available or their wait has timed
    /// out: one batch for each call. Must run in a callback of the root context.
    pub(crate) fn resume_due(&mut self) {
        let now = now();
        let due = self.driver.engine.due(BATCH, now);
        self.resume_each(&due, now);
        // Further calls belong to the root context.
        if let Err(error) = host::set_effective_context(self.root) {
            let line = format!("portcullis: the root context can't be selected: {error}");
            host::log(Level::Error, &line);
        }
        self.driver.perform_effects();
    }

    /// The same, but only for requests whose session was just refreshed. May run in any callback.
    pub(crate) fn resume_refreshed(&mut self) {
        let due = self.driver.engine.due_by_refresh(BATCH);
        self.resume_each(&due, now());
    }

    fn resume_each(&mut self, due: &[RequestId], now: Timestamp) {
        for id in due {
            let context = u32::try_from(id.0).unwrap_or_default();
            // The context no longer exists if the client has disconnected.
            if host::set_effective_context(context).is_err() {
                self.driver.engine.request_ended(*id);
                continue;
            }
            // Only a preflight must be whole, and that never waits.
            match self.evaluate(context, false, now) {
                RequestState::Waiting => {}
                RequestState::Replied => self.refused.push(context),
                RequestState::Forwarded => {
                    if let Err(error) = host::continue_stream(host::Stream::Request) {
                        // The request stays paused.
                        let line =
                            format!("portcullis: an allowed request can't be resumed: {error}");
                        host::log(Level::Error, &line);
                    }
                }
            }
        }
        if !due.is_empty() {
            self.flush_metrics();
        }
    }

    /// Passes the changes of metrics to Envoy.
    fn flush_metrics(&mut self) {
        let ids = &mut self.metrics;
        self.driver.engine.take_changes(&mut |metric, change| {
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
