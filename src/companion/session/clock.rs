//! The time for work that continues after the call that passed it in.

use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use tokio::time::Instant;

/// Counts on from the moment that a caller has given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Timestamp,
    began: Instant,
}

impl Clock {
    /// A clock that shows `now`.
    pub(super) fn starting_at(now: Timestamp) -> Self {
        Self {
            start: now,
            began: Instant::now(),
        }
    }

    pub(super) fn now(self) -> Timestamp {
        self.start.after(self.elapsed())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.began.elapsed()
    }
}
