//! Which worker of a proxy fetches something for all of them, and when.

use std::time::Duration;

use crate::fetch_schedule::FetchSchedule;
use crate::json::Json;
use crate::timestamp::Timestamp;

/// How long a worker's lease lasts, whatever becomes of the worker: two answers (such as discovery and
/// the key set) and some room.
pub const LEASE: Duration = Duration::from_secs(6);

/// A schedule that the workers of a proxy share, and the lease of the one that fetches.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FetchLease {
    pub(crate) schedule: FetchSchedule,
    /// The worker that fetches now, and when its lease ends whatever happens.
    pub(crate) holder: Option<(u64, Timestamp)>,
}

impl FetchLease {
    /// Whether a worker's lease runs. One that ends later than any can was written by a clock that
    /// has since stepped back, and counts as ended.
    pub(crate) fn is_running(&self, now: Timestamp) -> bool {
        self.holder
            .is_some_and(|(_, until)| now < until && until <= now.after(LEASE))
    }

    /// Whether `worker` still has the lease, so that what it fetched may be written.
    pub(crate) fn is_led_by(&self, worker: u64) -> bool {
        self.holder.is_some_and(|(holder, _)| holder == worker)
    }

    /// Gives `worker` the lease.
    pub(crate) fn begin(&mut self, worker: u64, now: Timestamp) {
        self.holder = Some((worker, now.after(LEASE)));
        self.schedule.begin(now);
    }

    /// Ends the lease with a good fetch, and says when that began: see [`FetchSchedule::succeed`].
    pub(crate) fn succeed(&mut self, pause: Duration, now: Timestamp, chance: u64) -> Timestamp {
        self.holder = None;
        self.schedule.succeed(pause, now, chance)
    }

    /// Ends the lease with a failed fetch: see [`FetchSchedule::fail`].
    pub(crate) fn fail(&mut self, longest: Duration, now: Timestamp, chance: u64) {
        self.holder = None;
        self.schedule.fail(longest, now, chance);
    }

    /// The members of a JSON object that say all this, times in milliseconds since the epoch.
    pub(crate) fn to_members(&self) -> String {
        let schedule = &self.schedule;
        let time = |time: Option<Timestamp>| option(time.map(|time| time.millis().to_string()));
        let lease = self
            .holder
            .as_ref()
            .map(|(holder, until)| format!("[{holder},{}]", until.millis()));
        format!(
            "\"read_at\":{},\"attempted_at\":{},\"failures\":{},\"next\":{},\"lease\":{}",
            time(schedule.read_at),
            time(schedule.attempted_at),
            schedule.failures,
            schedule.next.millis(),
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
        let schedule = FetchSchedule {
            read_at: time(json, "read_at")?,
            attempted_at: time(json, "attempted_at")?,
            failures: u32::try_from(number(json.member("failures")?)?).ok()?,
            next: Timestamp::from_millis(number(json.member("next")?)?),
        };
        Some(Self {
            schedule,
            holder: lease,
        })
    }
}

/// An optional value, in JSON.
pub(crate) fn option(text: Option<String>) -> String {
    text.unwrap_or_else(|| "null".to_owned())
}

/// A required member that may be `null`.
pub(crate) fn given<'a>(json: &'a Json, name: &str) -> Option<Option<&'a Json>> {
    json.member(name)
        .map(|value| Some(value).filter(|value| **value != Json::Null))
}

/// A required time that may be `null`.
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
