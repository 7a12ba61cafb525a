//! The requests that wait for another evaluation.

use std::rc::Rc;
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use crate::engine::RequestId;
use crate::refresh_reply::RefreshReply;

/// The maximum number of requests that wait for keys on one worker. Further requests are refused at
/// once.
const MAX_WAITING: usize = 1024;

/// The maximum for one source, so that one failing issuer can't use up the limit.
const MAX_FOR_ONE: usize = 256;

/// The requests of a worker that wait for keys, or for evaluation after a refresh.
#[derive(Debug, Default)]
pub(crate) struct WaitingRequests {
    requests: Vec<WaitingRequest>,
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
    /// The reply to its refresh request.
    pub(crate) refreshed: Option<Rc<RefreshReply>>,
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
        let waiting_for = |source: &KeySourceId| {
            let requests = self.requests.iter();
            requests
                .filter(|request| request.sources.contains(source))
                .count()
        };
        self.requests.len() < MAX_WAITING
            && sources
                .iter()
                .all(|source| waiting_for(source) < MAX_FOR_ONE)
    }

    /// The number of waiting requests.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The waiting requests.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &WaitingRequest> {
        self.requests.iter()
    }

    /// Whether this request waits.
    pub(crate) fn has(&self, id: RequestId) -> bool {
        self.iter().any(|request| request.id == id)
    }

    /// Adds a request.
    pub(crate) fn add(&mut self, request: WaitingRequest) {
        self.requests.push(request);
    }

    /// Removes a request, and returns whether it was there.
    pub(crate) fn remove(&mut self, id: RequestId) -> bool {
        let before = self.requests.len();
        self.requests.retain(|request| request.id != id);
        self.requests.len() < before
    }

    /// Removes and returns up to `most` requests that are due, in order of arrival.
    pub(crate) fn take(
        &mut self,
        most: usize,
        is_due: impl Fn(&WaitingRequest) -> bool,
    ) -> impl Iterator<Item = WaitingRequest> {
        self.requests
            .extract_if(.., move |request| is_due(request))
            .take(most)
    }
}

#[cfg(test)]
mod tests;
