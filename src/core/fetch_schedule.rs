//! When something is fetched: the one schedule of key sets, provider metadata and revocations.
//!
//! A good fetch is repeated after a pause that its caller sets (`refresh`); after a failed one the
//! pause is one second, then twice as long each time, up to a bound. All pauses are cut by a
//! twentieth to a tenth at random, so that many proxies do not fetch in step. What a client can
//! cause, such as a fetch for an unknown key id, has a minimum interval of its own:
//! [`FetchSchedule::was_attempted_within`].

use std::time::Duration;

use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// When something was fetched, and when it is fetched again. Nothing was fetched yet in the default,
/// and a fetch is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchSchedule {
    /// When the last good fetch began.
    pub(crate) read_at: Option<Timestamp>,
    /// When the last fetch of either outcome began.
    pub(crate) attempted_at: Option<Timestamp>,
    /// How many fetches have failed since the last good one.
    pub(crate) failures: u32,
    /// When the next fetch is due.
    pub(crate) next: Timestamp,
}

impl FetchSchedule {
    /// Whether a fetch is due. `longest` is the longest pause that is ever planned: a plan further
    /// ahead was made by a clock that has since stepped back, and is due.
    pub fn is_due(&self, longest: Duration, now: Timestamp) -> bool {
        now >= self.next || self.next > now.after(longest)
    }

    /// When the next fetch is due.
    pub const fn next(&self) -> Timestamp {
        self.next
    }

    /// Makes the next fetch due at `at`, as where another document says that this one has moved.
    pub const fn plan(&mut self, at: Timestamp) {
        self.next = at;
    }

    /// When the last good fetch began; `None` where there was none.
    pub const fn read_at(&self) -> Option<Timestamp> {
        self.read_at
    }

    /// How many fetches have failed since the last good one.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a fetch of either outcome began less than `interval` ago. What a client causes asks
    /// for this first, so that a flood of requests never becomes a flood of fetches.
    pub fn was_attempted_within(&self, interval: Duration, now: Timestamp) -> bool {
        self.attempted_at
            .is_some_and(|at| is_recent(at, now, interval))
    }

    /// Notes that a fetch begins.
    pub const fn begin(&mut self, now: Timestamp) {
        self.attempted_at = Some(now);
    }

    /// Ends a fetch that was good, and says when it began. The next is due after `pause`. `chance` is
    /// any number; it spreads the fetches of many proxies.
    pub fn succeed(&mut self, pause: Duration, now: Timestamp, chance: u64) -> Timestamp {
        let began = self.attempted_at.unwrap_or(now);
        self.read_at = Some(began);
        self.failures = 0;
        self.next = now.after(spread(pause, chance));
        began
    }

    /// Ends a fetch that failed. The next is due after a pause that grows with each failure, up to
    /// `longest`. `chance` is any number.
    pub fn fail(&mut self, longest: Duration, now: Timestamp, chance: u64) {
        let doubled = 1_u64.checked_shl(self.failures.min(5)).unwrap_or(1);
        let pause = Duration::from_secs(doubled).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.next = now.after(spread(pause, chance));
    }
}

/// Whether `at` is less than `span` ago. What lies ahead was written by a clock that has since
/// stepped back.
pub(crate) fn is_recent(at: Timestamp, now: Timestamp, span: Duration) -> bool {
    at <= now && now.since(at) < span
}

/// A pause shorter by a twentieth to a tenth. Never longer: `refresh` is the bound. Never the whole of
/// it either: a key that is back after a flap has to be read before its grace, one `refresh`, is over,
/// and a set before it is as old as the least `max_stale`.
fn spread(pause: Duration, chance: u64) -> Duration {
    let hundredths = u32::try_from(chance % 6).map_or(5, |more| more.saturating_add(5));
    let hundredth = pause.checked_div(100).unwrap_or_default();
    pause.saturating_sub(hundredth.saturating_mul(hundredths))
}
