//! A real Caddy.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use tokio::net::TcpStream;

use super::process::Process;
use super::{folder, tools};

/// No door for changes, nothing on disk, no certificates of its own.
const GLOBAL: &str = "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n}\n";

/// A running Caddy. It ends when dropped.
#[derive(Debug)]
pub struct Caddy {
    address: SocketAddr,
    process: Process,
}

impl Caddy {
    /// Starts one with these sites of a Caddyfile, and waits until it listens at `address`, which
    /// the text must say too.
    ///
    /// # Panics
    /// When Caddy refuses it or does not listen there, with the end of its log.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All it has said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}
