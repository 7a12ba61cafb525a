//! A real Caddy.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tokio::net::TcpStream;

use super::process::Process;
use super::{folder, tools};

/// No admin endpoint, nothing on disk, no automatic certificates.
const GLOBAL: &str = "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n}\n";

/// A running Caddy. Stopped when dropped.
#[derive(Debug)]
pub struct Caddy {
    address: SocketAddr,
    process: Process,
}

impl Caddy {
    /// Starts Caddy with these sites of a Caddyfile, and waits until it listens on `address`, which
    /// the text must contain too.
    ///
    /// # Panics
    /// If Caddy rejects the file or does not listen; the message has the end of its log.
    pub async fn start(address: SocketAddr, sites: &str) -> Self {
        let folder = folder::fresh("caddy");
        let file = folder.join("Caddyfile");
        fs::write(&file, format!("{GLOBAL}{sites}\n")).expect("a configuration file");
        let mut command = Command::new(tools::caddy());
        command.args(["run", "--adapter", "caddyfile", "--config"]);
        command.arg(file);
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(name, &folder);
        }
        let mut process = Process::start("caddy", &folder, command);
        process
            .ready(async || TcpStream::connect(address).await.is_ok())
            .await;
        Self { address, process }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}
