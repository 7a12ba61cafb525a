//! The fetch schedule of key sets, provider metadata and revocations.
//!
//! After a successful fetch, the next one follows after `refresh`. After a failed fetch the backoff
//! is one second, doubled each time, up to a limit. Jitter shortens every pause by 5 to 10 %, so
//! that many proxies do not fetch at the same time. Fetches that a client can cause, such as one
//! for an unknown key ID, have a minimum interval: [`FetchSchedule::was_attempted_within`].

use std::time::Duration;

use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// When something was fetched, and when the next fetch is due. By default nothing was fetched, and
/// a fetch is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSchedule {
    /// When the last successful fetch began.
    pub(crate) succeeded_at: Option<Timestamp>,
    /// When the last fetch began, successful or not.
    pub(crate) attempted_at: Option<Timestamp>,
    /// How many fetches have failed since the last successful one.
    pub(crate) failures: u32,
    /// When the next fetch is due.
    pub(crate) next: Timestamp,
}

impl FetchSchedule {
    /// Whether a fetch is due. `longest` is the longest possible pause: a later time was written
    /// before the clock stepped back, and the fetch is due.
    pub fn is_due(&self, longest: Duration, now: Timestamp) -> bool {
        now >= self.next || self.next > now.after(longest)
    }

    /// When the next fetch is due.
    pub const fn next(&self) -> Timestamp {
        self.next
    }

    /// Sets when the next fetch is due, for example because another document says that this one has
    /// moved.
    pub const fn plan(&mut self, at: Timestamp) {
        self.next = at;
    }

    /// When the last successful fetch began; `None` if there was none.
    pub const fn succeeded_at(&self) -> Option<Timestamp> {
        self.succeeded_at
    }

    /// How many fetches have failed since the last successful one.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a fetch began less than `interval` ago, successful or not. Fetches that a client can
    /// cause check this first, so that a flood of requests can't cause a flood of fetches.
    pub fn was_attempted_within(&self, interval: Duration, now: Timestamp) -> bool {
        self.attempted_at
            .is_some_and(|at| is_recent(at, now, interval))
    }

    /// Records that a fetch begins.
    pub const fn begin(&mut self, now: Timestamp) {
        self.attempted_at = Some(now);
    }

    /// Ends a successful fetch and returns when it began. The next is due after `pause`. `random`
    /// is a random number for the jitter.
    pub fn succeed(&mut self, pause: Duration, now: Timestamp, random: u64) -> Timestamp {
        let began = self.attempted_at.unwrap_or(now);
        self.succeeded_at = Some(began);
        self.failures = 0;
        self.next = now.after(spread(pause, random));
        began
    }

    /// Ends a failed fetch. The next is due after a backoff that grows with each failure, up to
    /// `longest`. `random` is a random number for the jitter.
    pub fn fail(&mut self, longest: Duration, now: Timestamp, random: u64) {
        let doubled = 1_u64.checked_shl(self.failures.min(5)).unwrap_or(1);
        let pause = Duration::from_secs(doubled).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.next = now.after(spread(pause, random));
    }
}

/// Whether `at` is less than `span` ago. A time in the future was written before the clock stepped
/// back, and is not recent.
pub(crate) fn is_recent(at: Timestamp, now: Timestamp, span: Duration) -> bool {
    at <= now && now.since(at) < span
}

/// The pause, shortened by 5 to 10 %. It is never longer, because `refresh` is the maximum. It is
/// always shorter, because the next fetch must end before a retiring key (kept for one `refresh`)
/// is dropped, and before the set reaches the minimal `max_stale`.
fn spread(pause: Duration, random: u64) -> Duration {
    let hundredths = u32::try_from(random % 6).map_or(5, |more| more.saturating_add(5));
    let hundredth = pause.checked_div(100).unwrap_or_default();
    pause.saturating_sub(hundredth.saturating_mul(hundredths))
}
