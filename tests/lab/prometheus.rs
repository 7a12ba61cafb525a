//! A real Prometheus.

use std::fs;
use std::net::SocketAddr;

use super::process::Process;
use super::{folder, port, tools};

/// A running Prometheus that scrapes nothing but itself. It ends when dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    _process: Process,
}

impl Prometheus {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
