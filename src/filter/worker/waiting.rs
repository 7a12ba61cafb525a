//! The requests that wait to be judged again.

use std::rc::Rc;
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use super::renewal::Renewal;

/// How many requests may wait on one worker for keys. One more is answered at once.
const MAX_WAITING: usize = 1024;

/// How many of them may wait for one trust entry's keys, so that one issuer's trouble leaves room for
/// the others.
const MAX_FOR_ONE: usize = 256;

/// The requests of a worker that wait for keys, or for their turn to be judged by a refresh.
#[derive(Debug, Default)]
pub(crate) struct WaitingRoom {
    waiting: Vec<Waiting>,
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The id of its context.
    pub(crate) id: u32,
    /// When it came.
    pub(crate) arrived: Timestamp,
    /// The sources whose keys it waits for.
    pub(crate) sources: Vec<KeySourceId>,
    /// The worker's count of news when it was last judged; `None` where it has not been judged by
    /// what it waited for.
    pub(crate) news: Option<u64>,
    /// What came of asking for a fresh session token for it.
    pub(crate) renewal: Option<Rc<Renewal>>,
}

impl Waiting {
    /// A request that has just come, and waits for nothing yet.
    pub(crate) const fn new(id: u32, arrived: Timestamp) -> Self {
        Self {
            id,
            arrived,
            sources: Vec::new(),
            news: None,
            renewal: None,
        }
    }

    /// Whether a request that came at `arrived` has waited as long as it may. A clock that steps
    /// back ends its patience too, because nobody knows how long it has waited.
    pub(crate) fn over(arrived: Timestamp, now: Timestamp, patience: Duration) -> bool {
        now >= arrived.after(patience) || now < arrived
    }
}

impl WaitingRoom {
    /// Whether one more may wait for the keys of these sources.
    pub(crate) fn has_room_for(&self, sources: &[KeySourceId]) -> bool {
        let waiting_for = |source: &KeySourceId| {
            let waiting = self.waiting.iter();
            waiting
                .filter(|waiting| waiting.sources.contains(source))
                .count()
        };
        self.waiting.len() < MAX_WAITING
            && sources
                .iter()
                .all(|source| waiting_for(source) < MAX_FOR_ONE)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Those that wait.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter()
    }

    /// Whether the request of this context waits.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.iter().any(|waiting| waiting.id == id)
    }

    /// Lets a request in.
    pub(crate) fn enter(&mut self, waiting: Waiting) {
        self.waiting.push(waiting);
    }

    /// Lets the request of this context out, and says whether it was there.
    pub(crate) fn leave(&mut self, id: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.id != id);
        self.waiting.len() < before
    }

    /// Takes out those that are due, in the order in which they came, up to `most` of them.
    pub(crate) fn take(&mut self, most: usize, due: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        self.waiting
            .extract_if(.., |one| due(one))
            .take(most)
            .collect()
    }
}

#[cfg(test)]
mod tests;
