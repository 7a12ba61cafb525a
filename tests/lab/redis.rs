//! A real Redis: one server, a sentinel with two servers, or a cluster.

mod cluster;
mod sentinel;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

pub use cluster::Cluster;
pub use sentinel::Sentinel;

use super::authority::Authority;
use super::process::Process;
use super::{folder, port, secrets, tools};

const PASSWORD: &str = "redis-password";

/// A running Redis with a password. Its data survives a restart. Stopped when dropped.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    client: Client,
    password_file: PathBuf,
    process: Process,
}

/// The connection settings of `redis-cli`.
#[derive(Clone, Debug)]
struct Client {
    port: u16,
    password: &'static str,
    authority: Option<PathBuf>,
}

impl Redis {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start() -> Self {
        Self::launch(None, &[]).await
    }

    /// The same with TLS only, as `localhost`.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start_tls(authority: &Authority) -> Self {
        Self::launch(Some(authority), &[]).await
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings for a companion's `session`.
    #[must_use]
    pub fn session(&self) -> Value {
        let port = self.address.port();
        let mut redis = json!({"password_file": self.password_file});
        let store = match &self.client.authority {
            Some(file) => {
                redis["ca_file"] = json!(file);
                format!("rediss://localhost:{port}")
            }
            None => format!("redis://127.0.0.1:{port}"),
        };
        json!({"store": store, "redis": redis})
    }

    /// Runs a command and returns the output of `redis-cli`.
    ///
    /// # Panics
    /// If `redis-cli` can't be run.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        self.client.command(words)
    }

    /// The keys that match a pattern, sorted.
    #[must_use]
    pub fn keys(&self, pattern: &str) -> Vec<String> {
        let output = self.command(&["KEYS", pattern]);
        let mut keys: Vec<String> = output.lines().map(str::to_owned).collect();
        keys.retain(|key| !key.is_empty());
        keys.sort();
        keys
    }

    /// Deletes all data.
    pub fn flush(&self) {
        assert_eq!(self.command(&["FLUSHALL"]), "OK");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port, with its data.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.ready().await;
    }

    /// Suspends it: connections are accepted, but get no response.
    pub async fn pause(&self) {
        self.process.pause().await;
    }

    /// Resumes it after [`Redis::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Starts Redis with additional arguments.
    async fn launch(authority: Option<&Authority>, more: &[&str]) -> Self {
        let folder = folder::fresh("redis");
        secrets::register("Redis's password", PASSWORD);
        let address = port::free();
        let port = address.port().to_string();
        let mut command = tools::server("bin/redis-server");
        command.args(["--bind", "127.0.0.1", "--requirepass", PASSWORD]);
        command.arg("--dir").arg(&folder);
        command.args(["--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always"]).args(more);
        match authority {
            Some(authority) => {
                let identity = authority.identity(&["localhost"]);
                command.args(["--port", "0", "--tls-port", &port]);
                command.args(["--tls-auth-clients", "no"]);
                command.arg("--tls-cert-file").arg(identity.certificate);
                command.arg("--tls-key-file").arg(identity.key);
                command.arg("--tls-ca-cert-file").arg(authority.file());
            }
            None => {
                command.args(["--port", &port]);
            }
        }
        let password_file = folder.join("password");
        fs::write(&password_file, PASSWORD).expect("a password file");
        let mut redis = Self {
            address,
            password_file,
            client: Client {
                port: address.port(),
                password: PASSWORD,
                authority: authority.map(|authority| authority.file().to_path_buf()),
            },
            process: Process::start("redis", &folder, command),
        };
        redis.ready().await;
        redis
    }

    async fn ready(&mut self) {
        let client = self.client.clone();
        let responds = async || client.command(&["PING"]) == "PONG";
        self.process.ready(responds).await;
    }
}

impl Client {
    fn command(&self, words: &[&str]) -> String {
        let mut command = tools::server("bin/redis-cli");
        command.args(["-p", &self.port.to_string()]);
        command.env("REDISCLI_AUTH", self.password);
        match &self.authority {
            Some(file) => command
                .args(["-h", "localhost", "--tls", "--cacert"])
                .arg(file),
            None => command.args(["-h", "127.0.0.1"]),
        };
        let output = command.args(words).output().expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }
}
