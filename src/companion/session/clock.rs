//! The time, for work that continues after the call that was given the time.

use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use tokio::time::Instant;

/// A clock that continues from a given time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that shows `now`.
    pub(super) fn starting_at(now: Timestamp) -> Self {
        Self {
            start: now,
            started: Instant::now(),
        }
    }

    pub(super) fn now(self) -> Timestamp {
        self.start.after(self.elapsed())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.started.elapsed()
    }
}
