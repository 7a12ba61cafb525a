//! What the main thread and the workers share for one configuration.

mod updates;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_core::policy::Policy;
use portcullis_core::trust::KeySourceId;
use portcullis_engine::{Call, CallId, RequestId, Update};

use self::updates::Updates;
use crate::abi::{ConfigScheduler, Event, RequestScheduler};
use crate::metrics::{MetricChange, Metrics};
use crate::response::OwnedResponse;

/// Identifies a worker of a configuration.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct WorkerId(u64);

/// What the main thread and the workers of one configuration share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The policy.
    pub(crate) policy: Policy,
    /// Envoy's ids of the metrics.
    pub(crate) metrics: Metrics,
    updates: Updates,
    /// `None` once Envoy has destroyed the configuration.
    scheduler: Mutex<Option<Arc<ConfigScheduler>>>,
    is_closed: AtomicBool,
    /// Whether the main thread has not handled these events yet.
    is_tick_scheduled: AtomicBool,
    is_queue_scheduled: AtomicBool,
    /// The calls of workers that the main thread must make.
    calls: Mutex<Vec<WorkerCall>>,
    /// The sources whose keys requests wait for, by worker.
    awaited: Mutex<BTreeMap<WorkerId, Vec<KeySourceId>>>,
    /// The requests that wait, to wake them.
    waiting: Mutex<BTreeMap<(WorkerId, RequestId), WaitingRequest>>,
    main_metrics: Mutex<MainMetrics>,
    last_worker: AtomicU64,
}

/// A call of a worker, which the main thread makes.
#[derive(Debug)]
pub(crate) struct WorkerCall {
    /// The call.
    pub(crate) call: Call,
    /// The worker that gets the response.
    pub(crate) worker: WorkerId,
    /// Where it gets it.
    pub(crate) inbox: Arc<Inbox>,
}

/// The responses to the calls of one worker.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    is_filled: AtomicBool,
    responses: Mutex<Vec<CallOutcome>>,
}

/// The response to a call; `None` if it failed.
pub(crate) type CallOutcome = (CallId, Option<OwnedResponse>);

/// A waiting request.
#[derive(Debug)]
struct WaitingRequest {
    scheduler: RequestScheduler,
    /// Whether it was woken, and has not run yet.
    is_woken: AtomicBool,
}

/// Changes of the main thread's metrics, for versions of Envoy that take metrics from requests alone.
#[derive(Debug, Default)]
struct MainMetrics {
    changes: Vec<MetricChange>,
    /// Whether a worker has passed on the changes before, so that they can't accumulate.
    is_wanted: bool,
}

impl Shared {
    /// What is shared for a policy.
    pub(crate) fn new(policy: Policy, metrics: Metrics, scheduler: ConfigScheduler) -> Self {
        Self {
            policy,
            metrics,
            updates: Updates::default(),
            scheduler: Mutex::new(Some(Arc::new(scheduler))),
            is_closed: AtomicBool::default(),
            is_tick_scheduled: AtomicBool::default(),
            is_queue_scheduled: AtomicBool::default(),
            calls: Mutex::default(),
            awaited: Mutex::default(),
            waiting: Mutex::default(),
            main_metrics: Mutex::default(),
            last_worker: AtomicU64::default(),
        }
    }

    /// The id of a new worker.
    pub(crate) fn new_worker(&self) -> WorkerId {
        WorkerId(self.last_worker.fetch_add(1, Ordering::Relaxed))
    }

    // === The main thread's events, from any thread ===

    /// Schedules an event on the main thread, unless it has not handled the last one yet.
    pub(crate) fn schedule(&self, event: Event) {
        if self.is_scheduled(event).swap(true, Ordering::AcqRel) {
            return;
        }
        // Unlocked before it is used, and kept until it returns: if Envoy drops the configuration
        // meanwhile, it destroys the configuration within this call, and then calls `close`.
        let scheduler = lock(&self.scheduler).clone();
        if let Some(scheduler) = scheduler {
            scheduler.schedule(event);
        }
    }

    /// The main thread begins to handle an event.
    pub(crate) fn begin(&self, event: Event) {
        self.is_scheduled(event).store(false, Ordering::Release);
    }

    fn is_scheduled(&self, event: Event) -> &AtomicBool {
        match event {
            Event::Tick => &self.is_tick_scheduled,
            Event::Queued => &self.is_queue_scheduled,
        }
    }

    /// Ends the events: Envoy has destroyed the configuration.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let scheduler = lock(&self.scheduler).take();
        drop(scheduler);
    }

    /// Whether Envoy has destroyed the configuration.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    // === From the main thread to workers ===

    /// Passes an update to all workers.
    pub(crate) fn publish(&self, update: &Update) {
        self.updates.publish(update);
    }

    /// The updates after this version, and sets it to the newest.
    pub(crate) fn unseen(&self, version: &mut u64) -> Vec<Update> {
        self.updates.unseen(version)
    }

    /// Wakes each worker that has waiting requests, by one of them. It wakes those that are due.
    pub(crate) fn wake_workers(&self) {
        let waiting = lock(&self.waiting);
        let mut last = None;
        for ((worker, _), request) in &*waiting {
            if last.replace(*worker) != Some(*worker) {
                request.wake();
            }
        }
    }

    /// The same for one worker.
    pub(crate) fn wake_worker(&self, worker: WorkerId) {
        let waiting = lock(&self.waiting);
        let mut requests = waiting.range((worker, RequestId(0))..);
        if let Some(((first, _), request)) = requests.next()
            && *first == worker
        {
            request.wake();
        }
    }

    /// Wakes one request.
    pub(crate) fn wake_request(&self, worker: WorkerId, id: RequestId) {
        if let Some(request) = lock(&self.waiting).get(&(worker, id)) {
            request.wake();
        }
    }

    /// Changes of the main thread's metrics, if a worker would pass them on.
    pub(crate) fn offer_metrics(&self, take: impl FnOnce() -> Vec<MetricChange>) {
        let mut metrics = lock(&self.main_metrics);
        if metrics.is_wanted {
            metrics.is_wanted = false;
            metrics.changes = take();
        }
    }

    /// The changes of the main thread's metrics, for a worker to pass on.
    pub(crate) fn take_metrics(&self) -> Vec<MetricChange> {
        let mut metrics = lock(&self.main_metrics);
        metrics.is_wanted = true;
        std::mem::take(&mut metrics.changes)
    }

    // === From workers to the main thread ===

    /// Queues a call, for [`Event::Queued`].
    pub(crate) fn queue_call(&self, call: WorkerCall) {
        lock(&self.calls).push(call);
        self.schedule(Event::Queued);
    }

    /// Removes and returns the queued calls.
    pub(crate) fn take_calls(&self) -> Vec<WorkerCall> {
        std::mem::take(&mut *lock(&self.calls))
    }

    /// Sets the sources whose keys requests of this worker wait for.
    pub(crate) fn set_awaited(&self, worker: WorkerId, sources: Vec<KeySourceId>) {
        let mut awaited = lock(&self.awaited);
        let before = awaited.insert(worker, sources).unwrap_or_default();
        let now = awaited.get(&worker).map_or(&[][..], Vec::as_slice);
        let has_new = now.iter().any(|source| !before.contains(source));
        drop(awaited);
        if has_new {
            self.schedule(Event::Queued);
        }
    }

    /// Whether a request of any worker waits for the keys of this source.
    pub(crate) fn awaits_keys(&self, source: KeySourceId) -> bool {
        let awaited = lock(&self.awaited);
        awaited.values().any(|sources| sources.contains(&source))
    }

    /// Adds a waiting request.
    pub(crate) fn add_waiting(&self, worker: WorkerId, id: RequestId, scheduler: RequestScheduler) {
        let request = WaitingRequest {
            scheduler,
            is_woken: AtomicBool::default(),
        };
        lock(&self.waiting).insert((worker, id), request);
    }

    /// A woken request has begun to run.
    pub(crate) fn begin_waiting(&self, worker: WorkerId, id: RequestId) {
        if let Some(request) = lock(&self.waiting).get(&(worker, id)) {
            request.is_woken.store(false, Ordering::Release);
        }
    }

    /// Removes a request that waits no more.
    pub(crate) fn remove_waiting(&self, worker: WorkerId, id: RequestId) {
        let removed = lock(&self.waiting).remove(&(worker, id));
        drop(removed);
    }
}

impl WaitingRequest {
    /// Wakes it, unless it was woken and has not run yet. Callers hold the lock of all waiting requests, so
    /// that the request can't end meanwhile.
    fn wake(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.scheduler.wake();
        }
    }
}

impl Inbox {
    /// Adds the response to a call.
    pub(crate) fn add(&self, outcome: CallOutcome) {
        lock(&self.responses).push(outcome);
        self.is_filled.store(true, Ordering::Release);
    }

    /// Removes and returns all responses.
    pub(crate) fn take(&self) -> Vec<CallOutcome> {
        if !self.is_filled.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *lock(&self.responses))
    }
}

/// Locks a mutex. A thread that panicked has left nothing half done: see the uses.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Workers use it concurrently.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Shared>();
};
