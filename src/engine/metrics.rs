//! The metrics. Labels are parts of the metric names, which the proxy's `stats_tags` extract. Label
//! values come from closed sets: names in the policy, and reasons.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::decision::{Decision, ShadowOutcome};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, PerKeySource};

/// The label of requests without an app.
const NO_APP: &str = "none";

/// The counters of requests, with their labels, in the order of what they count. They are defined at their first use, other metrics at the start.
pub const REQUEST_COUNTERS: [(&str, &[&str]); 3] = [
    ("portcullis_decisions_total", &["app", "decision", "reason"]),
    ("portcullis_report_only_total", &["app", "reason"]),
    (
        "portcullis_shadow_differences_total",
        &["app", "decision", "shadow"],
    ),
];

/// The outcome label of a refresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshLabel {
    /// The session was refreshed.
    Refreshed,
    /// The session has ended.
    Ended,
    /// The companion could not be reached, or could not refresh the session.
    Unavailable,
}

impl RefreshLabel {
    const ALL: [Self; 3] = [Self::Refreshed, Self::Ended, Self::Unavailable];

    const fn text(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Ended => "ended",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A counter.
    Counter,
    /// A gauge.
    Gauge,
    /// A histogram.
    Histogram,
}

/// A metric. If the host refuses to define it, requests are still served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metric {
    /// The index among all metrics of the engine, so that an adapter can map it to the host's id.
    pub index: usize,
    /// The type.
    pub kind: Kind,
    /// The name, including labels.
    pub name: String,
}

/// A change of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Add this to a counter, or to a gauge that is the sum over all workers.
    Add(i64),
    /// Set a gauge that all workers share; the last write wins.
    Set(u64),
    /// Record a value in a histogram.
    Record(u64),
}

/// What a counter of requests counts, in the order of [`REQUEST_COUNTERS`].
#[derive(Clone, Copy, Debug)]
enum Counted {
    Decision,
    /// A refusal that is only reported.
    Reported,
    /// A request on which shadow rules differ.
    Shadow,
}

/// The indices of counters of requests, by their last label and the app.
type Counters = BTreeMap<&'static str, BTreeMap<String, usize>>;

/// The metrics of one worker.
#[derive(Debug)]
pub(crate) struct Metrics {
    all: Vec<Tracked>,
    /// The counters of requests, by what they count.
    counters: [Counters; 3],
    report_only_apps: usize,
    /// Until when refusals of apps are only reported.
    report_until: Vec<Timestamp>,
    verification: usize,
    key_ages: PerKeySource<usize>,
    /// The gauges of the times at which the keys were fetched.
    key_reads: PerKeySource<usize>,
    /// The counters of successful and failed fetches.
    key_fetches: PerKeySource<[usize; 2]>,
    duplicate_keys: usize,
    ambiguous_keys: usize,
    waiting: usize,
    /// How many of the requests in that gauge are on this worker.
    waiting_here: i64,
    /// `None` if the policy has no `sso`.
    sessions: Option<SessionMetrics>,
}

/// The metrics of sessions.
#[derive(Debug)]
struct SessionMetrics {
    /// In the order of [`RefreshLabel::ALL`].
    refreshes: [usize; 3],
    revocations: usize,
    revocations_age: usize,
}

/// A metric, and its changes that were not passed to the host yet.
#[derive(Debug)]
struct Tracked {
    metric: Metric,
    added: i64,
    set: Option<u64>,
    recorded: Vec<u64>,
}

impl Metrics {
    /// Defines the metrics that are known before the first request.
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut all = Vec::new();
        let verification = define(
            &mut all,
            Kind::Histogram,
            "portcullis_verification_microseconds".to_owned(),
        );
        let mut key_ages = Vec::new();
        let mut key_reads = Vec::new();
        let mut key_fetches = Vec::new();
        for (source, trust) in policy.key_sources() {
            let (trust, keys) = (&trust.name, &trust.keys);
            let name = format!("portcullis_key_age_seconds.trust.{trust}");
            key_ages.push((source, define(&mut all, Kind::Gauge, name)));
            let name = format!("portcullis_key_read_timestamp_seconds.trust.{trust}");
            // Never, until the first fetch.
            key_reads.push((source, gauge_with(&mut all, name, 0)));
            if let Some(remote) = &keys.remote {
                let name = format!("portcullis_key_max_stale_seconds.trust.{trust}");
                gauge_with(&mut all, name, remote.max_stale.as_secs());
            }
            let fetches = ["succeeded", "failed"].map(|outcome| {
                let name = format!("portcullis_key_fetches_total.trust.{trust}.outcome.{outcome}");
                define(&mut all, Kind::Counter, name)
            });
            key_fetches.push((source, fetches));
        }
        let digest = policy.digest().gauge();
        gauge_with(&mut all, "portcullis_policy_digest".to_owned(), digest);
        let mut report_until = Vec::new();
        for app in policy.apps() {
            if let Some(until) = app.report_until() {
                let name = ["portcullis_report_until_timestamp_seconds.app.", app.name()].concat();
                gauge_with(&mut all, name, until.time.secs());
                report_until.push(until.time);
            }
        }
        let gauge = |all: &mut Vec<Tracked>, name: &str| define(all, Kind::Gauge, name.to_owned());
        let duplicate_keys = gauge(&mut all, "portcullis_duplicate_keys");
        let ambiguous_keys = gauge(&mut all, "portcullis_ambiguous_keys");
        let report_only_apps = gauge(&mut all, "portcullis_report_only_apps");
        let waiting = gauge(&mut all, "portcullis_waiting_requests");
        let sessions = policy.sso().map(|_| SessionMetrics {
            revocations: gauge(&mut all, "portcullis_revocations"),
            revocations_age: gauge(&mut all, "portcullis_revocations_age_seconds"),
            refreshes: RefreshLabel::ALL.map(|label| {
                let name = format!("portcullis_refreshes_total.outcome.{}", label.text());
                define(&mut all, Kind::Counter, name)
            }),
        });
        Self {
            all,
            counters: Default::default(),
            report_only_apps,
            report_until,
            verification,
            key_ages: key_ages.into_iter().collect(),
            key_reads: key_reads.into_iter().collect(),
            key_fetches: key_fetches.into_iter().collect(),
            duplicate_keys,
            ambiguous_keys,
            waiting,
            waiting_here: 0,
            sessions,
        }
    }

    /// All metrics that are defined so far.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.all.iter().map(|tracked| &tracked.metric)
    }

    /// Passes the changes since the last call to `sink`.
    pub(crate) fn take(&mut self, sink: &mut dyn FnMut(&Metric, Change)) {
        for tracked in &mut self.all {
            let metric = &tracked.metric;
            match std::mem::take(&mut tracked.added) {
                0 => {}
                added => sink(metric, Change::Add(added)),
            }
            if let Some(value) = tracked.set.take() {
                sink(metric, Change::Set(value));
            }
            for value in tracked.recorded.drain(..) {
                sink(metric, Change::Record(value));
            }
        }
    }

    /// Counts a decision.
    pub(crate) fn count(&mut self, decision: &Decision<'_>) {
        let app = decision.app().map_or(NO_APP, |app| app.name());
        let reason = decision.reason().code();
        let labels = if decision.is_allowed() {
            ".decision.allowed.reason."
        } else {
            ".decision.refused.reason."
        };
        self.count_for(app, Counted::Decision, labels, reason);
        if let Some(reason) = decision.reported() {
            self.count_for(app, Counted::Reported, ".reason.", reason.code());
        }
        if let Some(shadow) = decision.shadow() {
            let both = match (shadow.is_allowed_by_rules, shadow.outcome) {
                (_, ShadowOutcome::Unknown) => "allowed.shadow.unknown",
                (true, _) => "allowed.shadow.refused",
                (false, _) => "refused.shadow.allowed",
            };
            self.count_for(app, Counted::Shadow, ".decision.", both);
        }
    }

    /// Adds 1 to a counter, which is defined at its first use. The last label distinguishes it from others of the
    /// app.
    fn count_for(&mut self, app: &str, counted: Counted, labels: &str, last: &'static str) {
        let counters = self.counters.get_mut(counted as usize);
        let (Some(counters), Some((family, _))) =
            (counters, REQUEST_COUNTERS.get(counted as usize))
        else {
            return;
        };
        let apps = counters.entry(last).or_default();
        let index = if let Some(index) = apps.get(app) {
            *index
        } else {
            let name = [family, ".app.", app, labels, last].concat();
            let index = define(&mut self.all, Kind::Counter, name);
            apps.insert(app.to_owned(), index);
            index
        };
        self.add(index, 1);
    }

    /// Records the duration of a signature verification.
    pub(crate) fn verification(&mut self, microseconds: u64) {
        if let Some(tracked) = self.all.get_mut(self.verification) {
            tracked.recorded.push(microseconds);
        }
    }

    /// Sets the age of the keys of a key source, and when they were fetched.
    pub(crate) fn key_age(&mut self, source: KeySourceId, age: Duration, now: Timestamp) {
        if let Some(index) = self.key_ages.get(source) {
            self.set(*index, age.as_secs());
        }
        if let Some(index) = self.key_reads.get(source) {
            self.set(*index, now.secs().saturating_sub(age.as_secs()));
        }
    }

    /// Counts a fetch of the keys of a key source.
    pub(crate) fn key_fetched(&mut self, source: KeySourceId, has_succeeded: bool) {
        if let Some([succeeded, failed]) = self.key_fetches.get(source) {
            self.add(if has_succeeded { *succeeded } else { *failed }, 1);
        }
    }

    /// Sets the number of apps whose refusals are only reported now.
    pub(crate) fn report_only_apps(&mut self, now: Timestamp) {
        let open = self.report_until.iter().filter(|until| now < **until);
        let open = open.count().try_into().unwrap_or(u64::MAX);
        self.set(self.report_only_apps, open);
    }

    /// Sets the number of ambiguous keys.
    pub(crate) fn ambiguous_keys(&mut self, count: usize) {
        self.set(self.ambiguous_keys, count.try_into().unwrap_or(u64::MAX));
    }

    /// Sets the number of keys in more than one set.
    pub(crate) fn duplicate_keys(&mut self, count: usize) {
        self.set(self.duplicate_keys, count.try_into().unwrap_or(u64::MAX));
    }

    /// Counts the outcome of a refresh.
    pub(crate) fn refresh(&mut self, outcome: RefreshLabel) {
        let sessions = self.sessions.as_ref();
        if let Some(index) = sessions.and_then(|all| all.refreshes.get(outcome as usize)) {
            self.add(*index, 1);
        }
    }

    /// Sets the age and the number of revocations.
    pub(crate) fn revocations(&mut self, age: u64, count: usize) {
        if let Some(sessions) = &self.sessions {
            let (age_index, count_index) = (sessions.revocations_age, sessions.revocations);
            self.set(age_index, age);
            self.set(count_index, count.try_into().unwrap_or(u64::MAX));
        }
    }

    /// Sets the number of waiting requests on this worker.
    pub(crate) fn waiting(&mut self, count: usize) {
        let count = count.try_into().unwrap_or(i64::MAX);
        self.add(self.waiting, count.saturating_sub(self.waiting_here));
        self.waiting_here = count;
    }

    fn add(&mut self, index: usize, by: i64) {
        if let Some(tracked) = self.all.get_mut(index) {
            tracked.added = tracked.added.saturating_add(by);
        }
    }

    fn set(&mut self, index: usize, value: u64) {
        if let Some(tracked) = self.all.get_mut(index) {
            tracked.set = Some(value);
        }
    }
}

/// Defines a gauge with its first value.
fn gauge_with(all: &mut Vec<Tracked>, name: String, value: u64) -> usize {
    let index = define(all, Kind::Gauge, name);
    if let Some(tracked) = all.get_mut(index) {
        tracked.set = Some(value);
    }
    index
}

fn define(all: &mut Vec<Tracked>, kind: Kind, name: String) -> usize {
    let index = all.len();
    all.push(Tracked {
        metric: Metric { index, kind, name },
        added: 0,
        set: None,
        recorded: Vec::new(),
    });
    index
}
