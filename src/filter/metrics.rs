//! What operators can count. Labels stand in the names; the proxy's `stats_tags` make labels of
//! them, and everything that can stand there is of a closed set: names of the policy, and reasons.

use std::collections::HashMap;

use portcullis_core::decision::{Decision, Reason};

use crate::host::{Counter, Gauge, Histogram};

/// The app of a request that belongs to none.
const NO_APP: &str = "none";

/// The metrics of one worker. A metric that the host refuses to define is one that is not counted:
/// that is no reason to refuse requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    decisions: HashMap<Reason, HashMap<String, Counter>>,
    verification: Option<Histogram>,
    key_ages: Vec<Option<Gauge>>,
    key_reads: Vec<[Option<Counter>; 2]>,
    shared_keys: Option<Gauge>,
    waiting: Option<Gauge>,
    /// How many of the requests in that gauge are this worker's.
    waiting_here: i64,
}

impl Metrics {
    /// Defines what can be defined before the first request, for trust entries of these names.
    pub(crate) fn define<'a>(trusts: impl Iterator<Item = &'a str> + Clone) -> Self {
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
            key_ages: trusts.clone().map(gauge).collect(),
            key_reads: trusts.map(reads).collect(),
            shared_keys: Gauge::define("portcullis_shared_keys").ok(),
            waiting: Gauge::define("portcullis_waiting_requests").ok(),
            waiting_here: 0,
        }
    }

    /// Counts a decision.
    pub(crate) fn count(&mut self, decision: &Decision<'_>) {
        let reason = decision.reason();
        let app = decision.app().map_or(NO_APP, |app| app.name());
        let apps = self.decisions.entry(reason).or_default();
        if !apps.contains_key(app) {
            let verdict = if decision.is_allowed() {
                "allowed"
            } else {
                "refused"
            };
            let name =
                format!("portcullis_decisions_total.app.{app}.decision.{verdict}.reason.{reason}");
            if let Ok(counter) = Counter::define(&name) {
                apps.insert(app.to_owned(), counter);
            }
        }
        if let Some(counter) = apps.get(app) {
            let _uncounted = counter.increment(1);
        }
    }

    /// Records how long the check of a signature took.
    pub(crate) fn verification(&self, microseconds: u64) {
        if let Some(histogram) = self.verification {
            let _uncounted = histogram.record(microseconds);
        }
    }

    /// Says how old the keys of the trust entry at this place are.
    pub(crate) fn key_age(&self, trust: usize, seconds: u64) {
        if let Some(Some(gauge)) = self.key_ages.get(trust) {
            let _uncounted = gauge.set(seconds);
        }
    }

    /// Counts a read of the keys of the trust entry at this place.
    pub(crate) fn key_read(&self, trust: usize, good: bool) {
        let counters = self.key_reads.get(trust);
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
