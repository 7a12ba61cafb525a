//! Room for the requests that wait for keys.

use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_core::trust::{KeySourceId, PerKeySource};

/// How many requests may wait at a time. One more is answered at once.
const MAX_WAITING: usize = 1024;

/// How many of them may wait for one trust entry's keys, so that one issuer's trouble leaves room for
/// the others.
const MAX_FOR_ONE: usize = 256;

/// Counts those that wait, in all and for each trust entry.
#[derive(Debug)]
pub(super) struct Room {
    all: AtomicUsize,
    sources: PerKeySource<AtomicUsize>,
}

/// A request that waits. Dropped, it waits no longer, also where its client has gone away.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    taken: Vec<&'a AtomicUsize>,
}

impl Room {
    /// Room for as many trust entries.
    pub(super) fn new<T>(sources: &PerKeySource<T>) -> Self {
        Self {
            all: AtomicUsize::new(0),
            sources: sources.map(|_| AtomicUsize::new(0)),
        }
    }

    /// A seat for one that waits for the keys of the trust entries at these places; `None` where
    /// there is no room.
    pub(super) fn sit(&self, sources: &[KeySourceId]) -> Option<Seat<'_>> {
        let mut seat = Seat { taken: Vec::new() };
        let counters = sources.iter().filter_map(|id| self.sources.get(*id));
        let counters = counters.map(|counter| (counter, MAX_FOR_ONE));
        for (counter, most) in counters.chain([(&self.all, MAX_WAITING)]) {
            seat.taken.push(counter);
            // What was taken already is given back with the seat.
            if counter.fetch_add(1, Ordering::AcqRel) >= most {
                return None;
            }
        }
        Some(seat)
    }

    /// Whether somebody waits for the keys of the trust entry at this place.
    pub(super) fn is_taken(&self, source: KeySourceId) -> bool {
        let counter = self.sources.get(source);
        counter.is_some_and(|counter| counter.load(Ordering::Acquire) > 0)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        for counter in &self.taken {
            counter.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests;
