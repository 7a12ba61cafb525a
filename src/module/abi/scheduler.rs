//! Schedulers, by which any thread makes Envoy call a hook on the thread of a configuration or of a
//! request.

use super::callbacks::{
    envoy_dynamic_module_callback_http_filter_config_scheduler_commit,
    envoy_dynamic_module_callback_http_filter_config_scheduler_delete,
    envoy_dynamic_module_callback_http_filter_scheduler_commit,
    envoy_dynamic_module_callback_http_filter_scheduler_delete,
};
use super::{Opaque, Request};

/// What is scheduled for a configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A tick.
    Tick,
    /// A worker has queued something for the main thread.
    Queued,
}

/// Schedules events for a configuration, which Envoy's main thread handles.
#[derive(Debug)]
pub(crate) struct ConfigScheduler(Opaque);

/// Wakes the filter of a request, on its worker.
#[derive(Debug)]
pub(crate) struct RequestScheduler(Opaque);

// SAFETY: Envoy's documentation of the callbacks allows `commit` from any thread, also concurrently. It
// does nothing once the configuration or the request has ended.
unsafe impl Send for ConfigScheduler {}
// SAFETY: see above.
unsafe impl Sync for ConfigScheduler {}
// SAFETY: see above.
unsafe impl Send for RequestScheduler {}
// SAFETY: see above.
unsafe impl Sync for RequestScheduler {}

impl Event {
    const TICK: u64 = 0;
    const QUEUED: u64 = 1;

    pub(super) const fn from_id(id: u64) -> Self {
        match id {
            Self::TICK => Self::Tick,
            _ => Self::Queued,
        }
    }

    const fn id(self) -> u64 {
        match self {
            Self::Tick => Self::TICK,
            Self::Queued => Self::QUEUED,
        }
    }
}

impl ConfigScheduler {
    /// The scheduler.
    ///
    /// # Safety
    /// `scheduler` must be new from Envoy, and is deleted by the result.
    pub(super) const unsafe fn new(scheduler: Opaque) -> Self {
        Self(scheduler)
    }

    /// Schedules an event.
    pub(crate) fn schedule(&self, event: Event) {
        // SAFETY: the scheduler lives until `drop`.
        unsafe {
            envoy_dynamic_module_callback_http_filter_config_scheduler_commit(self.0, event.id());
        }
    }
}

impl Drop for ConfigScheduler {
    fn drop(&mut self) {
        // SAFETY: it is used no more.
        unsafe { envoy_dynamic_module_callback_http_filter_config_scheduler_delete(self.0) }
    }
}

impl RequestScheduler {
    /// A scheduler for this request.
    pub(crate) fn of(request: &Request<'_>) -> Self {
        Self(request.new_scheduler())
    }

    /// Wakes the filter.
    pub(crate) fn wake(&self) {
        // SAFETY: the scheduler lives until `drop`.
        unsafe { envoy_dynamic_module_callback_http_filter_scheduler_commit(self.0, 0) }
    }
}

impl Drop for RequestScheduler {
    fn drop(&mut self) {
        // SAFETY: it is used no more.
        unsafe { envoy_dynamic_module_callback_http_filter_scheduler_delete(self.0) }
    }
}
