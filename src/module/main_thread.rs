//! Envoy's main thread: one driver for a configuration fetches keys and revocations for all workers, and
//! makes their calls.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use log::Level;
use portcullis_engine::{Call, Driver, Engine, configuration};

use crate::abi::{self, Config, Event};
use crate::clock;
use crate::metrics::Metrics;
use crate::process::{Process, QueuedCalls};
use crate::response::Response;
use crate::shared::{Shared, WorkerCall};
use crate::timer::Timer;

/// The state of a configuration on the main thread.
#[derive(Debug)]
pub(crate) struct MainThread {
    driver: Driver<Process>,
    /// The driver's calls that must be made.
    queue: Rc<QueuedCalls>,
    /// The calls in progress, by Envoy's ids.
    calls: Vec<(u64, Caller)>,
    shared: Arc<Shared>,
    /// Whether a worker has caused a tick since the last one of the timer.
    has_ticked_early: bool,
    /// Dropped with this, and then there are no ticks.
    _timer: Timer,
}

/// Who gets the response to a call.
#[derive(Debug)]
enum Caller {
    /// The driver, which knows the call by this token.
    Driver(u32),
    Worker(WorkerCall),
}

impl MainThread {
    /// Reads a configuration, in the forms that the proxy-wasm filter takes: Envoy unwraps a
    /// StringValue or BytesValue, and turns a Struct into JSON.
    ///
    /// # Errors
    /// What is wrong with it, with the place.
    pub(crate) fn start(config: &Config<'_>, bytes: &[u8]) -> Result<(Self, Arc<Shared>), String> {
        let policy = configuration::policy(bytes)?;
        let (version, digest) = (env!("CARGO_PKG_VERSION"), policy.digest());
        let mut line = format!("portcullis {version}: the digest of the policy is {digest}");
        if let Some(revision) = policy.revision() {
            line.extend([", its revision ", revision]);
        }
        abi::log(Level::Info, &line);
        let engine = Engine::new(policy.clone(), clock::now());
        let metrics = Metrics::define(&engine, |kind, name, labels| {
            config.define_metric(kind, name, labels)
        });
        let shared = Arc::new(Shared::new(policy.clone(), metrics, config.scheduler()));
        let (process, queue) = Process::new(Arc::clone(&shared));
        let main = Self {
            driver: Driver::start(policy, process),
            queue,
            calls: Vec::new(),
            has_ticked_early: false,
            _timer: Timer::start(Arc::clone(&shared))
                .map_err(|error| format!("the thread for the ticks can't be started: {error}"))?,
            shared: Arc::clone(&shared),
        };
        Ok((main, shared))
    }

    /// Handles an event. A worker causes a tick when a request starts to wait for keys, so that it need not wait for the
    /// timer too: once in a period, because a client can start and reset such requests fast.
    pub(crate) fn handle_event(&mut self, config: &Config<'_>, event: Event) {
        self.shared.begin(event);
        let is_tick = event == Event::Tick;
        if is_tick || !self.has_ticked_early {
            self.has_ticked_early = !is_tick;
            self.driver.tick();
        }
        self.make_calls(config);
        if is_tick {
            self.flush_metrics(config);
            self.shared.wake_workers();
        }
    }

    /// Handles the response to the call with this id; `None` if it failed.
    pub(crate) fn handle_response(
        &mut self,
        config: &Config<'_>,
        id: u64,
        response: Option<&Response<'_>>,
    ) {
        let Some(place) = self.calls.iter().position(|(call, _)| *call == id) else {
            return;
        };
        let (_, caller) = self.calls.swap_remove(place);
        let has_updates = matches!(caller, Caller::Driver(_));
        self.pass(caller, response);
        self.make_calls(config);
        if has_updates {
            self.shared.wake_workers();
        }
    }

    /// Makes the calls that are queued.
    fn make_calls(&mut self, config: &Config<'_>) {
        for call in self.shared.take_calls() {
            self.call(config, &call.call.clone(), Caller::Worker(call));
        }
        // The failure of one call can queue another.
        while let Some((token, call)) = self.queue.next() {
            self.call(config, &call, Caller::Driver(token));
        }
    }

    fn call(&mut self, config: &Config<'_>, call: &Call, caller: Caller) {
        match config.call(call) {
            Ok(id) => self.calls.push((id, caller)),
            Err(error) => {
                log_failed(call, &error);
                self.pass(caller, None);
            }
        }
    }

    fn pass(&mut self, caller: Caller, response: Option<&Response<'_>>) {
        match caller {
            Caller::Driver(token) => {
                let Some(call) = self.driver.take_call(token) else {
                    return;
                };
                match response {
                    Some(response) => response.with(call.max_body(), |response| {
                        self.driver.handle_response(&call, Some(response));
                    }),
                    None => self.driver.handle_response(&call, None),
                }
            }
            Caller::Worker(WorkerCall {
                call,
                worker,
                inbox,
            }) => {
                let response = response.map(|response| response.to_owned(call.max_body));
                inbox.add((call.id, response));
                self.shared.wake_worker(worker);
            }
        }
    }

    fn flush_metrics(&mut self, config: &Config<'_>) {
        let Self { driver, shared, .. } = self;
        if config.changes_metrics() {
            shared.metrics.flush(&mut driver.engine, |change| {
                config.change_metric(change);
            });
        } else {
            shared.offer_metrics(|| {
                let mut changes = Vec::new();
                shared
                    .metrics
                    .flush(&mut driver.engine, |change| changes.push(change.clone()));
                changes
            });
        }
    }
}

impl Drop for MainThread {
    fn drop(&mut self) {
        self.shared.close();
    }
}

fn log_failed(call: &Call, error: &dyn Display) {
    let line = format!(
        "portcullis: the HTTP call through cluster {} failed: {error}; help: configure this cluster in \
         Envoy",
        call.cluster
    );
    abi::log(Level::Warn, &line);
}
