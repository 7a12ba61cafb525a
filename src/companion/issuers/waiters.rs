//! Limits on the requests that wait for keys.

use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_core::trust::{KeySourceId, PerKeySource};

/// How many requests may wait at a time. A further request does not wait.
const MAX_WAITING: usize = 1024;

/// How many of them may wait for the keys of one trust entry, so that an issuer that is down leaves
/// room for the others.
const MAX_WAITING_PER_TRUST: usize = 256;

/// Counts the waiting requests, in all and for each trust entry.
#[derive(Debug)]
pub(super) struct WaiterLimits {
    all: AtomicUsize,
    by_source: PerKeySource<AtomicUsize>,
}

/// Permission to wait. It is released when dropped, also when the client has gone away.
#[derive(Debug)]
pub(super) struct WaiterPermit<'a> {
    counters: Vec<&'a AtomicUsize>,
}

impl WaiterLimits {
    /// Limits for these sources.
    pub(super) fn new<T>(sources: &PerKeySource<T>) -> Self {
        Self {
            all: AtomicUsize::new(0),
            by_source: sources.map(|_| AtomicUsize::new(0)),
        }
    }

    /// A permit to wait for the keys of these trust entries; `None` where a limit is reached.
    pub(super) fn acquire(&self, sources: &[KeySourceId]) -> Option<WaiterPermit<'_>> {
        let mut permit = WaiterPermit {
            counters: Vec::new(),
        };
        let counters = sources
            .iter()
            .filter_map(|source| self.by_source.get(*source));
        let counters = counters.map(|counter| (counter, MAX_WAITING_PER_TRUST));
        for (counter, limit) in counters.chain([(&self.all, MAX_WAITING)]) {
            permit.counters.push(counter);
            // What was counted already is released with the permit.
            if counter.fetch_add(1, Ordering::AcqRel) >= limit {
                return None;
            }
        }
        Some(permit)
    }

    /// Whether a request waits for the keys of this trust entry.
    pub(super) fn has_waiters(&self, source: KeySourceId) -> bool {
        let counter = self.by_source.get(source);
        counter.is_some_and(|counter| counter.load(Ordering::Acquire) > 0)
    }
}

impl Drop for WaiterPermit<'_> {
    fn drop(&mut self) {
        for counter in &self.counters {
            counter.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests;
