//! A real Redis.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::authority::Authority;
use super::process::Process;
use super::{folder, port, tools};

const PASSWORD: &str = "redis-password";

/// A running Redis with a password. It keeps what it is told over a restart, and ends when dropped.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    client: Client,
    process: Process,
}

/// What `redis-cli` must know.
#[derive(Clone, Debug)]
struct Client {
    port: u16,
    authority: Option<PathBuf>,
}

impl Redis {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
    pub async fn start() -> Self {
        Self::launch(None).await
    }

    /// The same with TLS alone, as `localhost`.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
    pub async fn start_tls(authority: &Authority) -> Self {
        Self::launch(Some(authority)).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where to find it, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.address.port();
        match self.client.authority {
            Some(_) => format!("rediss://:{PASSWORD}@localhost:{port}"),
            None => format!("redis://:{PASSWORD}@127.0.0.1:{port}"),
        }
    }

    /// Gives it a command and returns what it says, line by line as `redis-cli` has it.
    ///
    /// # Panics
    /// When `redis-cli` cannot be run.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        self.client.command(words)
    }

    /// The keys that fit a pattern, in order.
    #[must_use]
    pub fn keys(&self, pattern: &str) -> Vec<String> {
        let told = self.command(&["KEYS", pattern]);
        let mut keys: Vec<String> = told.lines().map(str::to_owned).collect();
        keys.retain(|key| !key.is_empty());
        keys.sort();
        keys
    }

    /// Lets it forget everything.
    pub fn forget(&self) {
        assert_eq!(self.command(&["FLUSHALL"]), "OK");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port, with what it knew.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.ready().await;
    }

    /// Stands still: connections are taken, and nobody answers.
    pub async fn pause(&self) {
        self.process.pause().await;
    }

    /// Goes on after [`Redis::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    async fn launch(authority: Option<&Authority>) -> Self {
        let folder = folder::fresh("redis");
        let address = port::free();
        let port = address.port().to_string();
        let mut command = tools::server("bin/redis-server");
        command.args(["--bind", "127.0.0.1", "--requirepass", PASSWORD]);
        command.arg("--dir").arg(&folder);
        command.args([
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]);
        match authority {
            Some(authority) => {
                let identity = authority.identity(&["localhost"]);
                command.args([
                    "--port",
                    "0",
                    "--tls-port",
                    &port,
                    "--tls-auth-clients",
                    "no",
                ]);
                command.arg("--tls-cert-file").arg(identity.certificate);
                command.arg("--tls-key-file").arg(identity.key);
                command.arg("--tls-ca-cert-file").arg(authority.file());
            }
            None => {
                command.args(["--port", &port]);
            }
        }
        let mut redis = Self {
            address,
            client: Client {
                port: address.port(),
                authority: authority.map(|authority| authority.file().to_path_buf()),
            },
            process: Process::start("redis", &folder, command),
        };
        redis.ready().await;
        redis
    }

    async fn ready(&mut self) {
        let client = self.client.clone();
        let answers = async || client.command(&["PING"]) == "PONG";
        self.process.ready(answers).await;
    }
}

impl Client {
    fn command(&self, words: &[&str]) -> String {
        let mut command = tools::server("bin/redis-cli");
        command.args(["-p", &self.port.to_string()]);
        command.env("REDISCLI_AUTH", PASSWORD);
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
