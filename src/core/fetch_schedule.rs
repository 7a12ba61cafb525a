//! When one process fetches a document: the same intervals, jitter and back-off as for documents
//! that the workers of a proxy fetch in turn.

use std::time::Duration;

use crate::fetch_lease::FetchLease;
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// When a document is fetched next, and how the fetches before ended.
#[derive(Clone, Debug, Default)]
pub struct FetchSchedule(FetchLease);

impl FetchSchedule {
    /// Whether a fetch is due. A time further ahead than `longest`, the longest interval in use, was
    /// set by a clock that has since stepped back, and is due.
    pub fn is_due(&self, longest: Duration, now: Timestamp) -> bool {
        self.0.is_planned(longest, now)
    }

    /// When the next fetch is due.
    pub const fn next(&self) -> Timestamp {
        self.0.next
    }

    /// Whether the last fetch began less than `span` ago.
    pub fn was_attempted_within(&self, span: Duration, now: Timestamp) -> bool {
        let is_recent = |at: Timestamp| at <= now && now.since(at) < span;
        self.0.attempted_at.is_some_and(is_recent)
    }

    /// Makes the next fetch due at this moment.
    pub const fn plan(&mut self, at: Timestamp) {
        self.0.next = at;
    }

    /// A fetch begins.
    pub fn begin(&mut self, now: Timestamp) {
        self.0.begin(0, now);
    }

    /// A fetch succeeded. The next is due after `interval`, less some jitter that `chance` (any
    /// number) decides.
    pub fn succeed(&mut self, interval: Duration, now: Timestamp, chance: u64) {
        self.0.succeed(interval, now, chance);
    }

    /// A fetch failed. The next is due after a pause that doubles each time, up to `longest`.
    pub fn fail(&mut self, longest: Duration, now: Timestamp, chance: u64) {
        self.0.fail(longest, now, chance);
    }
}
