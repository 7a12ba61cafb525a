//! What operators can count. Labels stand in the names; the proxy's `stats_tags` make labels of
//! them, and everything that can stand there is of a closed set: names of the policy, and reasons.

use std::collections::HashMap;

use portcullis_core::decision::{Decision, Reason};
use portcullis_core::policy::Policy;
use portcullis_core::trust::{KeySourceId, PerKeySource};

use crate::host::{Counter, Gauge, Histogram};

/// The app of a request that belongs to none.
const NO_APP: &str = "none";

/// What came of asking the companion for a fresh session token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refresh {
    /// There is one.
    Renewed,
    /// The session is over.
    Ended,
    /// Nobody can tell.
    Unavailable,
}

/// The metrics of people's sessions.
#[derive(Debug)]
struct Sessions {
    /// In the order of [`Refresh`].
    refreshes: [Option<Counter>; 3],
    revocations: Option<Gauge>,
    revocations_age: Option<Gauge>,
}

/// A counter, and what it does not know yet.
#[derive(Debug)]
struct Tally {
    counter: Option<Counter>,
    uncounted: u32,
}

/// The metrics of one worker. A metric that the host refuses to define is one that is not counted:
/// that is no reason to refuse requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    decisions: HashMap<Reason, HashMap<String, Tally>>,
    verification: Option<Histogram>,
    key_ages: PerKeySource<Option<Gauge>>,
    key_reads: PerKeySource<[Option<Counter>; 2]>,
    shared_keys: Option<Gauge>,
    /// Where people sign in.
    sessions: Option<Sessions>,
    waiting: Option<Gauge>,
    /// How many of the requests in that gauge are this worker's.
    waiting_here: i64,
}

impl Metrics {
    /// Defines what can be defined before the first request.
    pub(crate) fn define(policy: &Policy) -> Self {
        let sources = policy
            .key_sources()
            .map(|(id, trust)| (id, trust.name.as_str()));
        let gauge =
            |trust| Gauge::define(&format!("portcullis_key_age_seconds.trust.{trust}")).ok();
        let reads = |trust: &str| {
            ["good", "failed"].map(|outcome| {
                let name = format!("portcullis_key_reads_total.trust.{trust}.outcome.{outcome}");
                Counter::define(&name).ok()
            })
        };
        Self {
            decisions: HashMap::new(),
            verification: Histogram::define("portcullis_verification_microseconds").ok(),
            key_ages: sources
                .clone()
                .map(|(id, name)| (id, gauge(name)))
                .collect(),
            key_reads: sources.map(|(id, name)| (id, reads(name))).collect(),
            shared_keys: Gauge::define("portcullis_shared_keys").ok(),
            sessions: policy.sso().map(|_| Sessions::define()),
            waiting: Gauge::define("portcullis_waiting_requests").ok(),
            waiting_here: 0,
        }
    }

    /// Counts a decision, for the next [`Metrics::flush`].
    pub(crate) fn count(&mut self, decision: &Decision<'_>) {
        let app = decision.app().map_or(NO_APP, |app| app.name());
        let apps = self.decisions.entry(decision.reason()).or_default();
        if let Some(tally) = apps.get_mut(app) {
            tally.add();
        } else {
            let mut tally = Tally::of(app, decision);
            tally.add();
            apps.insert(app.to_owned(), tally);
        }
    }

    /// Hands what was counted to Envoy. A call costs more than most of what the gate does for a
    /// request, so this is done on the tick.
    pub(crate) fn flush(&mut self) {
        for tally in self.decisions.values_mut().flat_map(HashMap::values_mut) {
            tally.flush();
        }
    }

    /// Records how long the check of a signature took.
    pub(crate) fn verification(&self, microseconds: u64) {
        if let Some(histogram) = self.verification {
            let _uncounted = histogram.record(microseconds);
        }
    }

    /// Says how old the keys of this source are.
    pub(crate) fn key_age(&self, source: KeySourceId, seconds: u64) {
        if let Some(Some(gauge)) = self.key_ages.get(source) {
            let _uncounted = gauge.set(seconds);
        }
    }

    /// Counts a read of the keys of this source.
    pub(crate) fn key_read(&self, source: KeySourceId, good: bool) {
        let counters = self.key_reads.get(source);
        let counter = counters.and_then(|[ok, bad]| if good { ok.as_ref() } else { bad.as_ref() });
        if let Some(counter) = counter {
            let _uncounted = counter.increment(1);
        }
    }

    /// Says how many keys stand in more than one set.
    pub(crate) fn shared_keys(&self, count: usize) {
        if let Some(gauge) = self.shared_keys {
            let _uncounted = gauge.set(count.try_into().unwrap_or(u64::MAX));
        }
    }

    /// Counts what came of asking for a fresh session token.
    pub(crate) fn refresh(&self, outcome: Refresh) {
        let counters = self.sessions.as_ref().map(|sessions| &sessions.refreshes);
        if let Some(Some(counter)) = counters.and_then(|all| all.get(outcome as usize)) {
            let _uncounted = counter.increment(1);
        }
    }

    /// Says how long ago the revocations were read, and how many there are.
    pub(crate) fn revocations(&self, age: u64, count: usize) {
        if let Some(sessions) = &self.sessions {
            let values = [
                (sessions.revocations_age, age),
                (sessions.revocations, count.try_into().unwrap_or(u64::MAX)),
            ];
            for (gauge, value) in values {
                let _uncounted = gauge.map(|gauge| gauge.set(value));
            }
        }
    }

    /// Says how many requests wait on this worker. The gauge is the sum over all workers: one that
    /// set it would wipe out what the others said.
    pub(crate) fn waiting(&mut self, count: usize) {
        let count = count.try_into().unwrap_or(i64::MAX);
        if let Some(gauge) = self.waiting {
            let _uncounted = gauge.change(count.saturating_sub(self.waiting_here));
        }
        self.waiting_here = count;
    }
}

impl Sessions {
    fn define() -> Self {
        let refreshes = ["renewed", "ended", "unavailable"].map(|outcome| {
            let name = format!("portcullis_refreshes_total.outcome.{outcome}");
            Counter::define(&name).ok()
        });
        Self {
            refreshes,
            revocations: Gauge::define("portcullis_revocations").ok(),
            revocations_age: Gauge::define("portcullis_revocations_age_seconds").ok(),
        }
    }
}

impl Tally {
    /// The counter of decisions of this kind.
    fn of(app: &str, decision: &Decision<'_>) -> Self {
        let verdict = if decision.is_allowed() {
            "allowed"
        } else {
            "refused"
        };
        let reason = decision.reason();
        let name =
            format!("portcullis_decisions_total.app.{app}.decision.{verdict}.reason.{reason}");
        Self {
            counter: Counter::define(&name).ok(),
            uncounted: 0,
        }
    }

    const fn add(&mut self) {
        self.uncounted = self.uncounted.saturating_add(1);
    }

    fn flush(&mut self) {
        if let Some(counter) = self.counter {
            let _uncounted = counter.increment(std::mem::take(&mut self.uncounted));
        }
    }
}
