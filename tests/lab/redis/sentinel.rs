//! A Redis server with a replica, and a sentinel that monitors them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Client, PASSWORD, Redis};
use crate::lab::process::Process;
use crate::lab::{folder, port, secrets, tools, wait};

const CONFIGURATION: &str = "sentinel.conf";
const NAME: &str = "lab";
/// The password of the sentinel itself.
const SENTINEL_PASSWORD: &str = "sentinel-password";

/// A running sentinel with two servers, of which the first is the primary. Stopped when dropped.
#[derive(Debug)]
pub struct Sentinel {
    /// The servers.
    pub servers: [Redis; 2],
    address: SocketAddr,
    client: Client,
    password_file: PathBuf,
    _process: Process,
}

impl Sentinel {
    /// Starts all and waits until the sentinel knows both servers.
    ///
    /// # Panics
    /// If it does not; the message has the end of a log.
    pub async fn start() -> Self {
        let authentication = ["--masterauth", PASSWORD];
        let first = Redis::launch(None, &authentication).await;
        let port = first.address.port().to_string();
        let replica = ["--replicaof", "127.0.0.1", &port];
        let second = Redis::launch(None, &[&replica[..], &authentication[..]].concat()).await;

        let folder = folder::fresh("sentinel");
        secrets::register("the sentinel's password", SENTINEL_PASSWORD);
        let password_file = folder.join("password");
        fs::write(&password_file, SENTINEL_PASSWORD).expect("a password file");
        let address = port::free();
        let configuration = format!(
            "bind 127.0.0.1\nport {}\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {port} 1\n\
             sentinel auth-pass {NAME} {PASSWORD}\nsentinel down-after-milliseconds {NAME} 500\n\
             sentinel failover-timeout {NAME} 5000\nrequirepass {SENTINEL_PASSWORD}\n",
            address.port(),
            folder.display(),
        );
        fs::write(folder.join(CONFIGURATION), configuration).expect("a configuration file");
        let mut command = tools::server("bin/redis-server");
        command.arg(folder.join(CONFIGURATION)).arg("--sentinel");
        let mut process = Process::start("sentinel", &folder, command);
        let client = Client {
            port: address.port(),
            password: SENTINEL_PASSWORD,
            authority: None,
        };
        let knows = async || {
            client
                .command(&["SENTINEL", "REPLICAS", NAME])
                .contains("slave")
        };
        process.ready(knows).await;
        Self {
            servers: [first, second],
            address,
            client,
            password_file,
            _process: process,
        }
    }

    /// The settings for a companion's `session`.
    #[must_use]
    pub fn session(&self) -> Value {
        let store = format!("redis-sentinel://{}/{NAME}", self.address);
        let redis = json!({
            "password_file": self.servers[0].password_file,
            "sentinel_password_file": self.password_file,
        });
        json!({"store": store, "redis": redis})
    }

    /// The index in [`Sentinel::servers`] of the primary, as the sentinel reports it.
    #[must_use]
    pub fn primary(&self) -> Option<usize> {
        let output = self
            .client
            .command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        let port = output.lines().nth(1)?;
        let is_primary = |server: &Redis| server.address.port().to_string() == port;
        self.servers.iter().position(is_primary)
    }

    /// Kills the primary and waits until the other server is the primary.
    ///
    /// # Panics
    /// If it is not within [`wait::LONG`].
    pub async fn fail_over(&mut self) {
        let old = self.primary().expect("a primary");
        self.servers[old].kill();
        let other = async || self.primary().is_some_and(|primary| primary != old);
        wait::until_true("another primary", wait::LONG, other).await;
    }
}
