//! A real Alertmanager.

use std::fs;
use std::net::SocketAddr;

use super::process::Process;
use super::{folder, port, tools};

/// A running Alertmanager that tells nobody of its alerts. Debian's has no web pages, only the API.
/// It ends when dropped.
#[derive(Debug)]
pub struct Alertmanager {
    address: SocketAddr,
    _process: Process,
}

impl Alertmanager {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
    pub async fn start() -> Self {
        let folder = folder::fresh("alertmanager");
        let address = port::free();
        let configuration = folder.join("alertmanager.yml");
        fs::write(
            &configuration,
            "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n",
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
