//! A real Alertmanager.

use std::fs;
use std::net::SocketAddr;

use super::process::Process;
use super::{folder, port, tools};

/// A running Alertmanager that sends no notifications. Debian's package has the API but no web
/// pages. Stopped when dropped.
#[derive(Debug)]
pub struct Alertmanager {
    address: SocketAddr,
    _process: Process,
}

impl Alertmanager {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start() -> Self {
        let folder = folder::fresh("alertmanager");
        let address = port::free();
        let configuration = folder.join("alertmanager.yml");
        fs::write(
            &configuration,
            "route: {receiver: none}\nreceivers: [{name: none}]\n",
        )
        .expect("a configuration file");
        let mut command = tools::app("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        let mut process = Process::start("alertmanager", &folder, command);
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
