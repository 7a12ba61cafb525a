//! Metrics for Prometheus. Labels come from the configuration, never from a client.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::metrics::{ReloadMetrics, seconds};

/// All counters and gauges.
#[derive(Debug)]
pub(crate) struct AttachMetrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<ForwardLabels, Histogram>,
    connections: Family<ForwardLabels, Gauge>,
    token_expiry: Family<ForwardLabels, Gauge<f64, AtomicU64>>,
    token_usable: Family<ForwardLabels, Gauge>,
    token_failures: Family<ForwardLabels, Counter>,
    /// Reloads of changed files.
    pub(crate) reloads: ReloadMetrics,
}

/// The metrics of the requests to one target.
#[derive(Clone)]
pub(super) struct TargetMetrics {
    outcomes: [Counter; Outcome::ALL.len()],
    duration: Histogram,
}

/// The metrics of the file of a token.
#[derive(Clone)]
pub(crate) struct TokenMetrics {
    forwards: Vec<ForwardLabels>,
    expiry: Family<ForwardLabels, Gauge<f64, AtomicU64>>,
    failures: Family<ForwardLabels, Counter>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The target has responded with any status.
    Forwarded,
    /// The request can't be forwarded.
    Rejected,
    /// There is no token, or it has expired.
    TokenUnusable,
    /// No connection to the target, or it was interrupted.
    TargetUnreachable,
    /// The target has no valid certificate, or TLS failed for another reason.
    TargetTls,
    /// No response in time.
    TargetTimeout,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    target: String,
    listen: String,
    outcome: &'static str,
}

/// The labels of a forward. Two may have one target and different tokens.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct ForwardLabels {
    target: String,
    listen: String,
}

/// In seconds, until the response's header.
const BUCKETS: [f64; 11] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0,
];

impl AttachMetrics {
    /// All metrics, at zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("portcullis_attach");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version", build);
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            connections: Family::default(),
            token_expiry: Family::default(),
            token_usable: Family::default(),
            token_failures: Family::default(),
            reloads: ReloadMetrics::default(),
        };
        macro_rules! register {
            ($($field:ident, $name:literal, $help:literal;)*) => {
                $(registry.register($name, $help, metrics.$field.clone());)*
            };
        }
        register! {
            requests, "requests", "Requests by what became of them";
            durations, "response_duration_seconds", "Time until the header of the target's response";
            connections, "connections", "Open connections of clients";
            token_expiry, "token_expiry_timestamp_seconds", "When the token expires; absent if that is unknown";
            token_usable, "token_usable", "1 if there is a token that has not expired";
            token_failures, "token_read_failures", "Reads of the token file that had no token, each reason once";
        }
        metrics.reloads.register(&mut registry);
        Self {
            registry,
            ..metrics
        }
    }

    /// Those of the requests of a forward.
    pub(super) fn of_forward(&self, labels: &ForwardLabels) -> TargetMetrics {
        let outcomes = Outcome::ALL.map(|outcome| {
            let labels = RequestLabels {
                target: labels.target.clone(),
                listen: labels.listen.clone(),
                outcome: outcome.label(),
            };
            self.requests.get_or_create(&labels).clone()
        });
        let duration = self.durations.get_or_create(labels);
        TargetMetrics {
            outcomes,
            duration: duration.clone(),
        }
    }

    /// Those of the file of the token for these forwards.
    pub(crate) fn of_token(&self, forwards: Vec<ForwardLabels>) -> TokenMetrics {
        for labels in &forwards {
            let _ = self.token_failures.get_or_create(labels);
        }
        TokenMetrics {
            forwards,
            expiry: self.token_expiry.clone(),
            failures: self.token_failures.clone(),
        }
    }

    /// The gauge of open connections to the listener of a forward.
    pub(crate) fn connections(&self, labels: &ForwardLabels) -> Gauge {
        self.connections.get_or_create(labels).clone()
    }

    /// Sets whether the token of a forward can be used now.
    pub(crate) fn token_usable(&self, labels: &ForwardLabels, is_usable: bool) {
        let usable = self.token_usable.get_or_create(labels);
        usable.set(is_usable.into());
    }

    /// All metrics in the OpenMetrics text format.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl ForwardLabels {
    /// Those of the forward from this address to this target.
    pub(crate) fn new(listen: &impl fmt::Display, target: &impl fmt::Display) -> Self {
        Self {
            target: target.to_string(),
            listen: listen.to_string(),
        }
    }
}

// === impl TargetMetrics ===

impl TargetMetrics {
    /// Counts a request.
    pub(super) fn completed(&self, outcome: Outcome, took: Duration) {
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.inc();
        }
        if outcome == Outcome::Forwarded {
            self.duration.observe(took.as_secs_f64());
        }
    }
}

impl fmt::Debug for TargetMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetMetrics").finish_non_exhaustive()
    }
}

// === impl TokenMetrics ===

impl TokenMetrics {
    /// There is a new token.
    pub(super) fn loaded(&self, expires_at: Option<Timestamp>) {
        for labels in &self.forwards {
            match expires_at {
                Some(at) => {
                    let _ = self.expiry.get_or_create(labels).set(seconds(at.secs()));
                }
                None => {
                    let _ = self.expiry.remove(labels);
                }
            }
        }
    }

    /// The file has no token, for a new reason.
    pub(super) fn failed(&self) {
        for labels in &self.forwards {
            self.failures.get_or_create(labels).inc();
        }
    }

    /// There is no token any more.
    pub(super) fn withdrawn(&self) {
        self.loaded(None);
    }
}

impl fmt::Debug for TokenMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMetrics").finish_non_exhaustive()
    }
}

// === impl Outcome ===

impl Outcome {
    /// All, in the order of their declaration.
    const ALL: [Self; 6] = [
        Self::Forwarded,
        Self::Rejected,
        Self::TokenUnusable,
        Self::TargetUnreachable,
        Self::TargetTls,
        Self::TargetTimeout,
    ];

    /// The value of the label.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Rejected => "rejected",
            Self::TokenUnusable => "token-unusable",
            Self::TargetUnreachable => "target-unreachable",
            Self::TargetTls => "target-tls",
            Self::TargetTimeout => "target-timeout",
        }
    }
}
