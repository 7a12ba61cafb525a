//! Metrics for Prometheus.
//!
//! Labels have few values, and none that a client can choose.

mod reloads;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::StatusCode;
use portcullis_core::policy::Policy;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use reloads::ReloadMetrics;

#[cfg(test)]
mod tests;

/// All counters and gauges.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<EndpointLabels, Histogram>,
    sign_ins: Family<SignInLabels, Counter>,
    refreshes: Family<RefreshLabels, Counter>,
    /// Sign-ins and refreshes whose session has not all groups, because they are too large for cookies.
    pub(crate) groups_left_out: Counter,
    decisions: Family<DecisionLabels, Counter>,
    /// Refusals that are only reported.
    report_only: Family<DecisionLabels, Counter>,
    shadow_differences: Family<ShadowLabels, Counter>,
    report_until: Family<AppLabels, Gauge<u64, AtomicU64>>,
    provider_errors: Family<ProviderErrorLabels, Counter>,
    /// Reloads of changed files.
    pub(crate) reloads: ReloadMetrics,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Keys of which it is unknown which trust entry owns them.
    ambiguous_keys: Gauge,
    /// The first 48 bits of the policy's digest.
    policy_digest: Gauge<u64, AtomicU64>,
    /// Entries in the revocation list.
    pub(crate) revocations: Gauge,
    revocations_floor: Family<RevocationListLabels, Gauge>,
    /// When the revocation list was last read. Seconds since the epoch.
    pub(crate) revocations_read: Gauge<f64, AtomicU64>,
    /// When the current signing key was created. Seconds since the epoch.
    pub(crate) signing_key_created: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    endpoint: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct EndpointLabels {
    endpoint: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct SignInLabels {
    provider: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DecisionLabels {
    app: String,
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ShadowLabels {
    app: String,
    decision: &'static str,
    shadow: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct AppLabels {
    app: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RefreshLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ProviderErrorLabels {
    provider: String,
    error: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RevocationListLabels {
    list: &'static str,
}

/// The media type of [`Metrics::text`].
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// In seconds: from a cached decision to a request that waited for a provider.
const BUCKETS: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0,
];

impl Metrics {
    /// All metrics, at zero.
    pub(crate) fn new() -> Self {
        // Without a prefix of their own: the filter has gauges with these names and this meaning.
        let ambiguous_keys = Gauge::default();
        let policy_digest = Gauge::default();
        let report_until = Family::default();
        let mut root = Registry::with_prefix("portcullis");
        root.register(
            "ambiguous_keys",
            "Keys of which it is unknown which trust entry owns them",
            ambiguous_keys.clone(),
        );
        root.register(
            "policy_digest",
            "The first 48 bits of the digest of the policy, the same in all programs with this policy",
            policy_digest.clone(),
        );
        root.register(
            "report_until_timestamp_seconds",
            "Until when refusals of an app are only reported",
            report_until.clone(),
        );
        let registry = root.sub_registry_with_prefix("companion");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of the companion", build);
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            sign_ins: Family::default(),
            refreshes: Family::default(),
            groups_left_out: Counter::default(),
            decisions: Family::default(),
            report_only: Family::default(),
            shadow_differences: Family::default(),
            report_until,
            provider_errors: Family::default(),
            reloads: ReloadMetrics::default(),
            connections: Gauge::default(),
            ambiguous_keys,
            policy_digest,
            revocations: Gauge::default(),
            revocations_floor: Family::default(),
            revocations_read: Gauge::default(),
            signing_key_created: Gauge::default(),
        };
        macro_rules! register {
            ($($field:ident, $name:literal, $help:literal;)*) => {
                $(registry.register($name, $help, metrics.$field.clone());)*
            };
        }
        register! {
            requests, "requests", "Completed requests";
            durations, "request_duration_seconds", "Duration of requests";
            sign_ins, "sign_ins", "Completed and failed sign-ins";
            decisions, "decisions", "Forward auth decisions";
            report_only, "report_only", "Requests that are allowed although the app's rules refuse them";
            shadow_differences, "shadow_differences", "Requests on which an app's shadow rules differ from its rules";
            refreshes, "refreshes", "Session refreshes";
            groups_left_out, "groups_left_out", "Sign-ins and refreshes with more groups than fit into cookies";
            provider_errors, "provider_errors", "Failed requests to providers";
        }
        metrics.reloads.register(registry);
        register! {
            connections, "connections", "Open connections";
            revocations, "revocations", "Entries in the revocation list";
            revocations_floor, "revocations_floor_timestamp_seconds", "Sessions that began before this are revoked";
            revocations_read, "revocations_read_timestamp_seconds", "When the revocation list was last read";
            signing_key_created, "signing_key_created_timestamp_seconds", "When the current signing key was created";
        }
        let metrics = Self {
            registry: root,
            ..metrics
        };
        metrics.revocation_floors(0, 0);
        metrics
    }

    /// Counts a request. `endpoint` is a route, never a path.
    pub(crate) fn request_completed(&self, endpoint: &str, status: StatusCode, took: Duration) {
        let endpoint = endpoint.to_owned();
        let status = status.as_u16();
        let labels = RequestLabels {
            endpoint: endpoint.clone(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        let durations = self.durations.get_or_create(&EndpointLabels { endpoint });
        durations.observe(took.as_secs_f64());
    }

    /// Counts a sign-in: `signed-in`, or the error.
    pub(crate) fn sign_in_completed(&self, provider: &str, outcome: &'static str) {
        let provider = provider.to_owned();
        let labels = SignInLabels { provider, outcome };
        self.sign_ins.get_or_create(&labels).inc();
    }

    /// Sets what is exported of the policy: its digest, and until when which apps are open.
    pub(crate) fn policy_loaded(&self, policy: &Policy) {
        self.policy_digest.set(policy.digest().gauge());
        self.report_until.clear();
        for app in policy.apps() {
            if let Some(until) = app.report_until() {
                let app = app.name().to_owned();
                let gauge = self.report_until.get_or_create(&AppLabels { app });
                gauge.set(until.time.secs());
            }
        }
    }

    /// Counts a session refresh: `refreshed`, `ended` or `unavailable`.
    pub(crate) fn session_refreshed(&self, outcome: &'static str) {
        self.refreshes
            .get_or_create(&RefreshLabels { outcome })
            .inc();
    }

    /// Counts a decision of forward auth, for this app of the policy if for any.
    pub(crate) fn decided(&self, app: Option<&str>, reason: &'static str) {
        let app = app.unwrap_or("none").to_owned();
        self.decisions
            .get_or_create(&DecisionLabels { app, reason })
            .inc();
    }

    /// Counts a request of forward auth that is allowed although the app's rules refuse it, for this reason.
    pub(crate) fn reported(&self, app: &str, reason: &'static str) {
        let app = app.to_owned();
        self.report_only
            .get_or_create(&DecisionLabels { app, reason })
            .inc();
    }

    /// Counts a request of forward auth on which the app's shadow rules differ from its rules.
    pub(crate) fn shadow_differs(&self, app: &str, is_allowed: bool, shadow: &'static str) {
        let labels = ShadowLabels {
            app: app.to_owned(),
            decision: if is_allowed { "allowed" } else { "refused" },
            shadow,
        };
        self.shadow_differences.get_or_create(&labels).inc();
    }

    /// Counts a failed request to a provider.
    pub(crate) fn provider_failed(&self, provider: &str, error: &'static str) {
        let provider = provider.to_owned();
        let labels = ProviderErrorLabels { provider, error };
        self.provider_errors.get_or_create(&labels).inc();
    }

    /// Sets the floors of the revocation lists: of the list that filters read, and of the list of ended
    /// sessions at providers. Seconds since the epoch, 0 for none.
    pub(crate) fn revocation_floors(&self, sessions: u64, provider_sessions: u64) {
        for (list, floor) in [
            ("sessions", sessions),
            ("provider_sessions", provider_sessions),
        ] {
            let gauge = self
                .revocations_floor
                .get_or_create(&RevocationListLabels { list });
            gauge.set(i64::try_from(floor).unwrap_or(i64::MAX));
        }
    }

    /// Sets how many keys are ambiguous.
    pub(crate) fn ambiguous_keys(&self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.ambiguous_keys.set(count);
    }

    /// All metrics in the OpenMetrics text format.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Seconds as Prometheus's floating-point numbers.
pub(crate) fn seconds(secs: u64) -> f64 {
    Duration::from_secs(secs).as_secs_f64()
}
