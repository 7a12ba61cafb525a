//! Envoy with the filter: a gateway that listens on loopback.

mod adapter;
mod audit;
pub(super) mod bootstrap;
mod builder;
mod listener;
mod stats;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::Value;

pub use adapter::Adapter;
pub use audit::AuditRecord;
pub use builder::{Builder, PolicyEncoding};
pub use stats::Stats;

use super::client::{Call, Response};
use super::process::Process;
use super::{tools, wait};
use listener::Listener;

/// A supported version of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The oldest for the WebAssembly filter.
    V1_36,
    /// The oldest for the dynamic module. The official binary has no WebAssembly.
    V1_38,
    /// As 1.38.
    V1_39,
    /// The newest.
    V1_40,
}

impl Version {
    /// The oldest for the WebAssembly filter, and the newest.
    pub const ALL: [Self; 2] = [Self::V1_36, Self::V1_40];

    /// Those that the dynamic module supports.
    pub const OF_MODULE: [Self; 3] = [Self::V1_38, Self::V1_39, Self::V1_40];
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_36 => "1.36",
            Self::V1_38 => "1.38",
            Self::V1_39 => "1.39",
            Self::V1_40 => "1.40",
        })
    }
}

/// Validates a configuration with Envoy's `--mode validate`.
///
/// # Errors
/// Envoy's message if it rejects the configuration.
///
/// # Panics
/// If Envoy can't be run.
pub fn validate(version: Version, configuration: &Path) -> Result<(), String> {
    let mut command = Command::new(tools::envoy(version));
    tools::find_dynamic_module(&mut command);
    let output = command
        .args(["--mode", "validate", "--config-path"])
        .arg(configuration)
        .output()
        .expect("Envoy runs");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A running Envoy. Stopped when dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    folder: PathBuf,
    listener: Listener,
    /// Whether metrics are updated by requests alone, as of the dynamic module before Envoy 1.39.
    needs_requests: bool,
    address: SocketAddr,
    admin: SocketAddr,
    trust: Option<Arc<ClientConfig>>,
}

/// Envoy rejected a configuration. Contains Envoy's log.
#[derive(Debug)]
pub struct Rejected(pub String);

impl Gateway {
    /// A gateway with this policy: an object, a string that is passed verbatim, or `null` for no
    /// configuration.
    #[must_use]
    pub fn with(policy: Value) -> Builder {
        Builder::new(policy)
    }

    /// The address that apps are reached at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of Envoy's admin interface.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Sends a request through the gateway, with TLS if it terminates TLS.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn call(&self, call: Call) -> Response {
        let Some(trust) = &self.trust else {
            return call.send(self.address).await;
        };
        let response = call.try_send_tls(self.address, trust).await;
        response.unwrap_or_else(|error| panic!("{}: {error}", self.address))
    }

    /// Replaces the policy and waits until every worker uses it.
    ///
    /// # Errors
    /// If Envoy rejects it; the old policy then stays.
    ///
    /// # Panics
    /// If Envoy does neither in time.
    pub async fn replace_policy(&mut self, policy: Value) -> Result<(), Rejected> {
        let before = self.stats().await;
        let log_start = self.log().len();
        self.listener.policy = policy;
        self.listener.write(&self.folder);
        self.wait_until_updated(&before, log_start).await
    }

    /// Envoy's counters, gauges and histograms in Prometheus's format.
    ///
    /// # Panics
    /// If Envoy does not respond.
    pub async fn stats(&self) -> Stats {
        Stats::new(
            Call::get("admin", "/stats/prometheus")
                .send(self.admin)
                .await
                .text(),
        )
    }

    /// Waits until a metric (see [`Stats::value`]) matches. If metrics are updated by requests alone, requests for no
    /// app are sent meanwhile.
    ///
    /// # Panics
    /// If it does not within [`wait::LONG`].
    pub async fn metric(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        matches: impl Fn(f64) -> bool,
    ) -> f64 {
        let what = format!("{name} with {labels:?}");
        wait::until(&what, wait::LONG, async || {
            if self.needs_requests {
                self.call(Call::get("no-app.example.com", "/")).await;
            }
            self.stats()
                .await
                .value(name, labels)
                .filter(|value| matches(*value))
        })
        .await
    }

    /// The access log so far, one object per request: `method`, `host`, `path` (without the query,
    /// as in the example configurations), `status`, `details`, and the filter's `caller`, `app`,
    /// `rule` and `reason`, each `null` if the filter did not set it. Entries appear a little later
    /// than responses.
    ///
    /// # Panics
    /// If a line is not JSON.
    #[must_use]
    pub fn access_log(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join(listener::ACCESS_LOG)).unwrap_or_default();
        // The last line may be incomplete.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect()
    }

    /// Waits for the first line of the access log that matches.
    ///
    /// # Panics
    /// If there is none within [`wait::LONG`].
    pub async fn logged(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, wait::LONG, async || {
            self.access_log().into_iter().find(|line| matches(line))
        })
        .await
    }

    /// The audit records so far, each with the worker that decided.
    #[must_use]
    pub fn audit_records(&self) -> Vec<AuditRecord> {
        audit::records(&self.log())
    }

    /// The number of workers that wrote audit records so far.
    #[must_use]
    pub fn workers_that_decided(&self) -> usize {
        let workers = self.audit_records().into_iter().map(|record| record.worker);
        workers.collect::<BTreeSet<_>>().len()
    }

    /// The log of Envoy and of the filter.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Envoy's process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits until a listener newer than `before` is active and the older ones are drained. The log
    /// from `log_start` on belongs to the error.
    async fn wait_until_updated(
        &mut self,
        before: &Stats,
        log_start: usize,
    ) -> Result<(), Rejected> {
        let accepted = before.sum(stats::ACCEPTED);
        let rejected = rejections(before);
        let updated = wait::until("Envoy's update of the listener", wait::LONG, async || {
            let now = self.stats().await;
            if rejections(&now) > rejected {
                return Some(Err(()));
            }
            let changing = [stats::WARMING, stats::DRAINING, stats::DRAINING_CHAINS];
            let is_settled = changing.iter().all(|name| now.sum(name) == 0.0);
            (now.sum(stats::ACCEPTED) > accepted && is_settled).then_some(Ok(()))
        });
        updated
            .await
            .map_err(|()| Rejected(self.log()[log_start..].to_owned()))
    }
}

/// The number of listener updates that failed. Envoy counts unreadable and rejected ones separately.
fn rejections(stats: &Stats) -> f64 {
    stats.sum(stats::UNREADABLE) + stats.sum(stats::REJECTED)
}
