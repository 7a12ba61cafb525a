//! Which worker of a proxy fetches for all of them, and when.

use std::time::Duration;

use crate::fetch_schedule::FetchSchedule;
use crate::json::Json;
use crate::timestamp::Timestamp;

/// How long a lease lasts, even if the worker stops: two responses (discovery and the key set) and
/// some reserve.
pub const LEASE: Duration = Duration::from_secs(6);

/// The schedule that the workers of a proxy share, and the lease of the worker that fetches.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FetchLease {
    pub(crate) schedule: FetchSchedule,
    /// The worker that holds the lease, and when the lease ends.
    pub(crate) holder: Option<(u64, Timestamp)>,
}

impl FetchLease {
    /// Whether a worker holds the lease now. A lease that ends later than possible was written
    /// before the clock stepped back, and counts as expired.
    pub(crate) fn is_running(&self, now: Timestamp) -> bool {
        self.holder
            .is_some_and(|(_, until)| now < until && until <= now.after(LEASE))
    }

    /// Whether `worker` still holds the lease, so that it may write what it fetched.
    pub(crate) fn is_leased_to(&self, worker: u64) -> bool {
        self.holder.is_some_and(|(holder, _)| holder == worker)
    }

    /// Gives `worker` the lease.
    pub(crate) fn begin(&mut self, worker: u64, now: Timestamp) {
        self.holder = Some((worker, now.after(LEASE)));
        self.schedule.begin(now);
    }

    /// Ends the lease after a successful fetch and returns when that began: see
    /// [`FetchSchedule::succeed`].
    pub(crate) fn succeed(&mut self, pause: Duration, now: Timestamp, random: u64) -> Timestamp {
        self.holder = None;
        self.schedule.succeed(pause, now, random)
    }

    /// Ends the lease after a failed fetch: see [`FetchSchedule::fail`].
    pub(crate) fn fail(&mut self, longest: Duration, now: Timestamp, random: u64) {
        self.holder = None;
        self.schedule.fail(longest, now, random);
    }

    /// The lease and its schedule as members of a JSON object, times in milliseconds since the
    /// epoch.
    pub(crate) fn to_members(&self) -> String {
        let schedule = &self.schedule;
        let time = |time: Option<Timestamp>| option(time.map(|time| time.millis().to_string()));
        let lease = self
            .holder
            .as_ref()
            .map(|(holder, until)| format!("[{holder},{}]", until.millis()));
        format!(
            "\"succeeded_at\":{},\"attempted_at\":{},\"failures\":{},\"next\":{},\"lease\":{}",
            time(schedule.succeeded_at),
            time(schedule.attempted_at),
            schedule.failures,
            schedule.next.millis(),
            option(lease),
        )
    }

    /// Reads them from a JSON object.
    pub(crate) fn from_members(json: &Json) -> Option<Self> {
        let lease = match given(json, "lease")? {
            Some(one) => {
                let (holder, until) = pair(one)?;
                Some((number(holder)?, until))
            }
            None => None,
        };
        let schedule = FetchSchedule {
            succeeded_at: time(json, "succeeded_at")?,
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

/// A non-negative integer.
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
