//! The requests that wait to be judged again.

use std::rc::Rc;
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use crate::engine::RequestId;
use crate::refresh_reply::RefreshReply;

/// How many requests may wait on one worker for keys. One more is answered at once.
const MAX_WAITING: usize = 1024;

/// How many of them may wait for the keys of one source, so that one issuer's failure leaves room for
/// the others.
const MAX_FOR_ONE: usize = 256;

/// The requests of a worker that wait for keys, or to be judged by the outcome of a refresh.
#[derive(Debug, Default)]
pub(crate) struct WaitingRequests {
    requests: Vec<WaitingRequest>,
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct WaitingRequest {
    pub(crate) id: RequestId,
    /// When it came.
    pub(crate) arrived: Timestamp,
    /// The sources whose keys it waits for.
    pub(crate) sources: Vec<KeySourceId>,
    /// The version of the worker's keys when it was last judged; `None` where it has not been judged
    /// by what it waited for.
    pub(crate) keys_version: Option<u64>,
    /// The reply to the call for a fresh session token that was made for it.
    pub(crate) refreshed: Option<Rc<RefreshReply>>,
}

impl WaitingRequest {
    /// A request that has just come, and waits for nothing yet.
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

/// Whether what began at `began` has waited for `timeout`. A clock that steps back ends the wait too,
/// because nobody knows how long it lasted.
pub(crate) fn is_timed_out(began: Timestamp, now: Timestamp, timeout: Duration) -> bool {
    now >= began.after(timeout) || now < began
}

impl WaitingRequests {
    /// Whether one more may wait for the keys of these sources.
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

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Those that wait.
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

    /// Removes a request, and says whether it was there.
    pub(crate) fn remove(&mut self, id: RequestId) -> bool {
        let before = self.requests.len();
        self.requests.retain(|request| request.id != id);
        self.requests.len() < before
    }

    /// Takes out those that are due, in the order in which they came, up to `most` of them.
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
