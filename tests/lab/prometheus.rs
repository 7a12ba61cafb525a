//! A real Prometheus.

use std::fs;
use std::net::SocketAddr;

use super::process::Process;
use super::{folder, port, tools};

/// A running Prometheus that scrapes only itself. Stopped when dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    _process: Process,
}

impl Prometheus {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start() -> Self {
        let folder = folder::fresh("prometheus");
        let address = port::free();
        let configuration = folder.join("prometheus.yml");
        let scrape = format!(
            "scrape_configs:\n\
             - {{job_name: prometheus, static_configs: [{{targets: ['{address}']}}]}}\n"
        );
        fs::write(&configuration, scrape).expect("a configuration file");
        let mut command = tools::app("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let mut process = Process::start("prometheus", &folder, command);
        process.ready_at(address, "/-/ready").await;
        Self {
            address,
            _process: process,
        }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
