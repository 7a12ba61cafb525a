//! Envoy with the filter in it: a gateway that listens on loopback.

mod audit;
mod bootstrap;
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

pub use audit::AuditRecord;
pub use builder::{Builder, PolicyEncoding};
pub use stats::Stats;

use super::client::{Call, Reply};
use super::process::Process;
use super::{tools, wait};
use listener::Listener;

/// A version of Envoy that is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The oldest.
    V1_36,
    /// The newest.
    V1_40,
}

impl Version {
    /// The oldest and the newest.
    pub const ALL: [Self; 2] = [Self::V1_36, Self::V1_40];
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_36 => "1.36",
            Self::V1_40 => "1.40",
        })
    }
}

/// Lets an Envoy judge a configuration by itself, with `--mode validate`.
///
/// # Errors
/// What Envoy said when it did not like it.
///
/// # Panics
/// When Envoy cannot be run.
pub fn validate(version: Version, configuration: &Path) -> Result<(), String> {
    let output = Command::new(tools::envoy(version))
        .args(["--mode", "validate", "--config-path"])
        .arg(configuration)
        .output()
        .expect("Envoy runs");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A running Envoy. It ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    folder: PathBuf,
    listener: Listener,
    address: SocketAddr,
    admin: SocketAddr,
    trust: Option<Arc<ClientConfig>>,
}

/// Envoy refused a configuration. It holds what Envoy logged of it.
#[derive(Debug)]
pub struct Refused(pub String);

impl Gateway {
    /// A gateway with this policy: an object, or a string that is handed over as it stands, or
    /// `null` for no configuration at all.
    #[must_use]
    pub fn with(policy: Value) -> Builder {
        Builder::new(policy)
    }

    /// Where apps are reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where Envoy tells of itself.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Sends a call through the gateway, with TLS where it wants that.
    ///
    /// # Panics
    /// When no whole answer comes.
    pub async fn call(&self, call: Call) -> Reply {
        let Some(trust) = &self.trust else {
            return call.send(self.address).await;
        };
        let reply = call.try_send_tls(self.address, trust).await;
        reply.unwrap_or_else(|error| panic!("{}: {error}", self.address))
    }

    /// Puts another policy in place and waits until every worker judges by it.
    ///
    /// # Errors
    /// When Envoy refuses it; then the old one is still in place.
    ///
    /// # Panics
    /// When Envoy does neither.
    pub async fn replace_policy(&mut self, policy: Value) -> Result<(), Refused> {
        let before = self.stats().await;
        let said = self.log().len();
        self.listener.policy = policy;
        self.listener.write(&self.folder);
        self.settled(&before, said).await
    }

    /// Envoy's counters, gauges and histograms, as Prometheus sees them.
    ///
    /// # Panics
    /// When Envoy does not tell.
    pub async fn stats(&self) -> Stats {
        Stats::new(
            Call::get("admin", "/stats/prometheus")
                .send(self.admin)
                .await
                .text(),
        )
    }

    /// Waits until a metric (see [`Stats::value`]) fits.
    ///
    /// # Panics
    /// When it does not within [`wait::LONG`].
    pub async fn metric(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        fits: impl Fn(f64) -> bool,
    ) -> f64 {
        let what = format!("{name} with {labels:?}");
        wait::until(&what, wait::LONG, async || {
            self.stats()
                .await
                .value(name, labels)
                .filter(|value| fits(*value))
        })
        .await
    }

    /// The access log so far, one object a request: `method`, `host`, `path` (without its query, as
    /// in the files that are shipped), `status`, `details`, and from the filter `caller`, `app`, `rule` and `reason`, each `null` where it said none. It
    /// lags a little behind the answers.
    ///
    /// # Panics
    /// When a line is no JSON.
    #[must_use]
    pub fn access_log(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join(listener::ACCESS_LOG)).unwrap_or_default();
        // The last line may be half written.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect()
    }

    /// Waits for the first line of the access log that fits.
    ///
    /// # Panics
    /// When there is none within [`wait::LONG`].
    pub async fn logged(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, wait::LONG, async || {
            self.access_log().into_iter().find(|line| fits(line))
        })
        .await
    }

    /// The audit trail so far, with the worker that each decision was made on.
    #[must_use]
    pub fn audit_records(&self) -> Vec<AuditRecord> {
        audit::records(&self.log())
    }

    /// How many workers the audit trail so far comes from.
    #[must_use]
    pub fn workers_that_decided(&self) -> usize {
        let workers = self
            .audit_records()
            .into_iter()
            .map(|audited| audited.worker);
        workers.collect::<BTreeSet<_>>().len()
    }

    /// All that Envoy and the filter in it have said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Envoy's process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits until a listener newer than `before` was taken and older ones are gone.
    async fn settled(&mut self, before: &Stats, said: usize) -> Result<(), Refused> {
        let taken = before.sum(stats::CREATED);
        let refused = refusals(before);
        let verdict = wait::until("Envoy's word on the listener", wait::LONG, async || {
            let now = self.stats().await;
            if refusals(&now) > refused {
                return Some(Err(()));
            }
            let changing = [stats::WARMING, stats::DRAINING, stats::DRAINING_CHAINS];
            let still = changing.iter().all(|name| now.sum(name) == 0.0);
            (now.sum(stats::CREATED) > taken && still).then_some(Ok(()))
        });
        verdict
            .await
            .map_err(|()| Refused(self.log()[said..].to_owned()))
    }
}

/// Envoy counts apart what it could not read and what it did not like.
fn refusals(stats: &Stats) -> f64 {
    stats.sum(stats::UNREADABLE) + stats.sum(stats::REFUSED)
}
