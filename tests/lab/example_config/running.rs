//! A running Envoy with an example configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::Value;

use crate::lab::client::{Call, Response};
use crate::lab::envoy::Version;
use crate::lab::process::Process;
use crate::lab::{tools, wait};

/// The access log, in Envoy's folder.
pub(super) const ACCESS_LOG: &str = "access.log";

/// A running Envoy with an example configuration. Stopped when dropped.
#[derive(Debug)]
pub struct RunningExample {
    process: Process,
    folder: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    /// The TLS configuration of its clients, if it terminates TLS.
    trust: Option<Arc<ClientConfig>>,
}

impl RunningExample {
    /// Starts Envoy with a configuration, in the configuration's folder, and waits until it is
    /// ready.
    pub(super) async fn start(
        version: Version,
        configuration: &Path,
        [address, admin]: [SocketAddr; 2],
        trust: Option<Arc<ClientConfig>>,
    ) -> Self {
        let folder = configuration
            .parent()
            .expect("a file in a folder")
            .to_path_buf();
        let mut command = Command::new(tools::envoy(version));
        command.arg("--config-path").arg(configuration);
        command.args(["--concurrency", "2", "--disable-hot-restart"]);
        command.args(["--file-flush-interval-msec", "20"]);
        let process = Process::start("envoy", &folder, command);
        let mut running = Self {
            process: process.logs_to(folder.join(ACCESS_LOG)),
            folder,
            address,
            admin,
            trust,
        };
        running.process.ready_at(admin, "/ready").await;
        running
    }

    /// The address that apps are reached at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the admin interface.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Sends a request and returns the response with its line of the access log. Only one at a time
    /// per host, because the line is found by its number.
    ///
    /// # Panics
    /// If no complete response or no line arrives.
    pub async fn call(&self, call: &Call) -> (Response, Value) {
        let before = self.lines().len();
        let response = match &self.trust {
            Some(trust) => call.try_send_tls(self.address, trust).await,
            None => call.try_send(self.address).await,
        };
        let response = response.unwrap_or_else(|error| panic!("{}: {error}", self.address));
        let of_host = |line: &Value| line["host"] == call.host();
        (response, self.line(before, of_host).await)
    }

    /// The first line of the access log that matches, starting with this line number.
    ///
    /// # Panics
    /// If none arrives.
    pub async fn line(&self, from: usize, matches: impl Fn(&Value) -> bool) -> Value {
        wait::until("the access log's line", wait::LONG, async || {
            self.lines()
                .into_iter()
                .skip(from)
                .find(|line| matches(line))
        })
        .await
    }

    /// The path of the access log.
    #[must_use]
    pub fn access_log(&self) -> PathBuf {
        self.folder.join(ACCESS_LOG)
    }

    /// The log of Envoy and of the filter.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The lines of the access log, in order.
    ///
    /// # Panics
    /// If one is not JSON.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.access_log()).unwrap_or_default();
        // The last line may be incomplete.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        whole.lines().map(read).collect()
    }
}
