//! The requests that wait for another evaluation.

use std::rc::Rc;
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use crate::refresh_response::RefreshResponse;
use crate::request_id::RequestId;

/// The maximum number of requests that wait for keys on one worker. Further requests are refused at
/// once.
const MAX_WAITING: usize = 1024;

/// The maximum for one source, so that one failing issuer can't use up the limit.
const MAX_FOR_ONE: usize = 256;

/// How many may wait for one source in any case, so that several failing issuers can't use up the limit.
const MIN_FOR_ONE: usize = 16;

/// The requests of a worker that wait for keys, or for evaluation after a refresh.
#[derive(Debug, Default)]
pub(crate) struct WaitingRequests {
    requests: Vec<WaitingRequest>,
    /// How many requests wait for each source, sorted by source. Requests are not counted on each
    /// arrival, because many trust entries can share an issuer. A `BTreeMap` would add 8 KB to the
    /// filter.
    per_source: Vec<(KeySourceId, usize)>,
}

/// A waiting request.
#[derive(Debug)]
pub(crate) struct WaitingRequest {
    pub(crate) id: RequestId,
    /// When it arrived.
    pub(crate) arrived: Timestamp,
    /// The sources whose keys it waits for.
    pub(crate) sources: Vec<KeySourceId>,
    /// The version of the worker's keys at its last evaluation; `None` if its refresh has an
    /// outcome that was not evaluated yet.
    pub(crate) keys_version: Option<u64>,
    /// The response to its refresh request.
    pub(crate) refreshed: Option<Rc<RefreshResponse>>,
}

impl WaitingRequest {
    /// A new request, which waits for nothing yet.
    pub(crate) const fn new(id: RequestId, arrived: Timestamp) -> Self {
        Self {
            id,
            arrived,
            sources: Vec::new(),
            keys_version: None,
            refreshed: None,
        }
    }
}

/// Whether a wait that began at `began` has timed out. If the clock steps back, the wait ends too,
/// because its duration is unknown.
pub(crate) fn is_timed_out(began: Timestamp, now: Timestamp, timeout: Duration) -> bool {
    now >= began.after(timeout) || now < began
}

impl WaitingRequests {
    /// Whether one more request may wait for the keys of these sources.
    pub(crate) fn has_room_for(&self, sources: &[KeySourceId]) -> bool {
        let most = if self.requests.len() < MAX_WAITING {
            MAX_FOR_ONE
        } else {
            MIN_FOR_ONE
        };
        let mut sources = sources.iter();
        sources.all(|source| self.count(*source) < most)
    }

    /// Whether a request waits for the keys of this source.
    pub(crate) fn awaits(&self, source: KeySourceId) -> bool {
        self.count(source) > 0
    }

    /// The sources that requests wait for.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = KeySourceId> {
        let awaited = self.per_source.iter().filter(|(_, count)| *count > 0);
        awaited.map(|(source, _)| *source)
    }

    /// The number of waiting requests.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether this request waits.
    pub(crate) fn has(&self, id: RequestId) -> bool {
        self.requests.iter().any(|request| request.id == id)
    }

    /// Adds a request.
    pub(crate) fn add(&mut self, request: WaitingRequest) {
        for source in &request.sources {
            match self.position(*source) {
                Ok(index) => {
                    if let Some((_, count)) = self.per_source.get_mut(index) {
                        *count = count.saturating_add(1);
                    }
                }
                Err(index) => self.per_source.insert(index, (*source, 1)),
            }
        }
        self.requests.push(request);
    }

    /// Removes a request, and returns whether it was there.
    pub(crate) fn remove(&mut self, id: RequestId) -> bool {
        !self.take(1, |request| request.id == id).is_empty()
    }

    /// Removes and returns up to `most` requests that are due, in order of arrival.
    pub(crate) fn take(
        &mut self,
        most: usize,
        is_due: impl Fn(&WaitingRequest) -> bool,
    ) -> Vec<WaitingRequest> {
        let due = self.requests.extract_if(.., |request| is_due(request));
        let due: Vec<_> = due.take(most).collect();
        for source in due.iter().flat_map(|request| &request.sources) {
            if let Ok(index) = self.position(*source)
                && let Some((_, count)) = self.per_source.get_mut(index)
            {
                *count = count.saturating_sub(1);
            }
        }
        due
    }

    /// How many requests wait for this source.
    fn count(&self, source: KeySourceId) -> usize {
        let index = self.position(source).ok();
        let found = index.and_then(|index| self.per_source.get(index));
        found.map_or(0, |(_, count)| *count)
    }

    fn position(&self, source: KeySourceId) -> Result<usize, usize> {
        self.per_source
            .binary_search_by_key(&source, |(source, _)| *source)
    }
}

#[cfg(test)]
mod tests;
