//! Whose turn it is to read something for all workers of a proxy, and when the next turn is due.

use std::time::Duration;

use crate::json::Json;
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// How long a worker's turn to read lasts, whatever becomes of the worker: two answers (such as
/// discovery and the key set) and some room.
pub const LEASE: Duration = Duration::from_secs(6);

/// Whose turn it is to read something, and what came of the turns before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FetchLease {
    /// When the last good read began here.
    pub(crate) read_at: Option<Timestamp>,
    /// When the last read of either outcome began.
    pub(crate) attempted_at: Option<Timestamp>,
    /// How many reads have failed since the last good one.
    pub(crate) failures: u32,
    /// When the next read is due without anybody asking for it.
    pub(crate) next: Timestamp,
    /// The worker that reads just now, and when its turn ends whatever happens.
    pub(crate) holder: Option<(u64, Timestamp)>,
}

impl FetchLease {
    /// Whether somebody's turn is running. One that ends later than any can was written by a clock
    /// that has since stepped back, and counts as over.
    pub(crate) fn is_running(&self, now: Timestamp) -> bool {
        self.holder
            .is_some_and(|(_, until)| now < until && until <= now.after(LEASE))
    }

    /// Whether `worker` still has its turn, so that what it read may be written.
    pub(crate) fn is_led_by(&self, worker: u64) -> bool {
        self.holder.is_some_and(|(holder, _)| holder == worker)
    }

    /// Whether the next turn is due by the plan. A plan further ahead than `longest`, the longest
    /// that is made, was written by a clock that has since stepped back, and is due.
    pub(crate) fn is_planned(&self, longest: Duration, now: Timestamp) -> bool {
        now >= self.next || self.next > now.after(longest)
    }

    /// Gives `worker` the turn.
    pub(crate) fn begin(&mut self, worker: u64, now: Timestamp) {
        self.holder = Some((worker, now.after(LEASE)));
        self.attempted_at = Some(now);
    }

    /// Ends a turn that brought something, and says when it began. The next is due after `pause`.
    pub(crate) fn succeed(&mut self, pause: Duration, now: Timestamp, chance: u64) -> Timestamp {
        let began = self.attempted_at.unwrap_or(now);
        self.read_at = Some(began);
        self.failures = 0;
        self.next = now.after(spread(pause, chance));
        self.holder = None;
        began
    }

    /// Ends a turn that brought nothing. The next is due after a pause that grows with each, up to
    /// `longest`.
    pub(crate) fn fail(&mut self, longest: Duration, now: Timestamp, chance: u64) {
        let doubled = 1_u64.checked_shl(self.failures.min(5)).unwrap_or(1);
        let pause = Duration::from_secs(doubled).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.next = now.after(spread(pause, chance));
        self.holder = None;
    }

    /// The members of a JSON object that say all this, times in milliseconds since the epoch.
    pub(crate) fn to_members(&self) -> String {
        let time = |time: Option<Timestamp>| option(time.map(|time| time.millis().to_string()));
        let lease = self
            .holder
            .as_ref()
            .map(|(holder, until)| format!("[{holder},{}]", until.millis()));
        format!(
            "\"read_at\":{},\"attempted_at\":{},\"failures\":{},\"next\":{},\"lease\":{}",
            time(self.read_at),
            time(self.attempted_at),
            self.failures,
            self.next.millis(),
            option(lease),
        )
    }

    /// Reads the members of an object.
    pub(crate) fn from_members(json: &Json) -> Option<Self> {
        let lease = match given(json, "lease")? {
            Some(one) => {
                let (holder, until) = pair(one)?;
                Some((number(holder)?, until))
            }
            None => None,
        };
        Some(Self {
            read_at: time(json, "read_at")?,
            attempted_at: time(json, "attempted_at")?,
            failures: u32::try_from(number(json.member("failures")?)?).ok()?,
            next: Timestamp::from_millis(number(json.member("next")?)?),
            holder: lease,
        })
    }
}

/// A pause shorter by a twentieth to a tenth, so that many proxies do not ask in step. Never longer:
/// `refresh` is what it says. Never the whole of it either: a key that is back after a flap has to be
/// read before its grace, one `refresh`, is over, and a set before it is as old as the least
/// `max_stale`.
fn spread(pause: Duration, chance: u64) -> Duration {
    let hundredths = u32::try_from(chance % 6).map_or(5, |more| more.saturating_add(5));
    let hundredth = pause.checked_div(100).unwrap_or_default();
    pause.saturating_sub(hundredth.saturating_mul(hundredths))
}

/// A value that may not be there, in JSON.
pub(crate) fn option(text: Option<String>) -> String {
    text.unwrap_or_else(|| "null".to_owned())
}

/// A member that must stand there and may be `null`.
pub(crate) fn given<'a>(json: &'a Json, name: &str) -> Option<Option<&'a Json>> {
    json.member(name)
        .map(|value| Some(value).filter(|value| **value != Json::Null))
}

/// A time that must stand there and may be `null`.
pub(crate) fn time(json: &Json, name: &str) -> Option<Option<Timestamp>> {
    match given(json, name)? {
        Some(time) => number(time).map(|time| Some(Timestamp::from_millis(time))),
        None => Some(None),
    }
}

/// A whole number that is not negative.
pub(crate) fn number(json: &Json) -> Option<u64> {
    if let Json::Number(number) = json {
        number.as_u64()
    } else {
        None
    }
}

/// A value and its time.
pub(crate) fn pair(json: &Json) -> Option<(&Json, Timestamp)> {
    if let Some([value, time]) = json.as_array() {
        Some((value, Timestamp::from_millis(number(time)?)))
    } else {
        None
    }
}
