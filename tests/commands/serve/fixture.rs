//! A companion and its files.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Call, Response, folder, port, secrets, wait};
use serde_json::Value;

/// A policy that matches the configuration.
pub(crate) const POLICY: &str = "\
sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}
apps:
  - name: grafana
    hosts: [grafana.example.com]
    rules:
      - name: users
        allow: [{from: sso, group: sre}]
";

/// The files of a companion, before it is started.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) provider: SocketAddr,
}

/// A running companion.
pub(crate) struct Companion {
    pub(crate) files: Files,
    pub(crate) process: Process,
}

impl Files {
    /// Valid files. The provider is unreachable.
    pub(crate) fn new() -> Self {
        let files = Self {
            folder: folder::fresh("serve"),
            address: port::free(),
            metrics: port::free(),
            provider: port::free(),
        };
        files.write("portcullis.yaml", POLICY);
        files.write("session-keys", &keys());
        files.write("companion.yaml", &files.configuration());
        files
    }

    pub(crate) fn configuration(&self) -> String {
        format!(
            "\
url: https://auth.example.com
listen: {}
metrics: {}
policy: portcullis.yaml
providers:
  - issuer: https://{}
    client_id: portcullis
session:
  keys_file: session-keys
  cookie: {{domain: example.com}}
",
            self.address, self.metrics, self.provider
        )
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        // Atomically, as Kubernetes does.
        let draft = self.folder.join("draft");
        fs::write(&draft, text).unwrap();
        fs::set_permissions(&draft, Permissions::from_mode(0o600)).unwrap();
        fs::rename(draft, self.folder.join(name)).unwrap();
    }

    pub(crate) fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let config = self.folder.join("companion.yaml");
        command.args(["serve", "--config"]).arg(config).args(flags);
        command
    }

    pub(crate) fn start(self, flags: &[&str]) -> Companion {
        let process = Process::start("companion", &self.folder, self.command(flags));
        Companion {
            files: self,
            process,
        }
    }

    /// The result of a start that fails.
    pub(crate) fn refused(&self, flags: &[&str]) -> (Option<i32>, String) {
        status_and_stderr(&self.command(flags).output().unwrap())
    }
}

impl Companion {
    pub(crate) async fn up(flags: &[&str]) -> Self {
        let mut companion = Files::new().start(flags);
        companion
            .process
            .ready_at(companion.files.address, "/ping")
            .await;
        companion
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        Call::get("auth.example.com", path)
            .send(self.files.address)
            .await
    }

    pub(crate) async fn metrics(&self) -> String {
        let call = Call::get("localhost", "/metrics");
        call.send(self.files.metrics).await.text()
    }

    pub(crate) async fn wait_for_log(&self, what: &str) {
        wait::until_true(what, wait::LONG, async || self.process.log().contains(what)).await;
    }

    /// The lines of its log, which are all JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        let log = self.process.log();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        // The shell has its own `kill`; the program is not installed everywhere.
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &id])
            .status();
        assert!(status.unwrap().success());
    }

    pub(crate) async fn end(&mut self) -> Option<i32> {
        let ended = async || self.process.ended();
        wait::until("the exit", wait::LONG, ended).await.code()
    }
}

/// Session keys in the format of `portcullis session-keys`.
pub(crate) fn keys() -> String {
    let key = |byte: u8| {
        let key = URL_SAFE_NO_PAD.encode([byte; 32]);
        secrets::register("a session key", &key);
        key
    };
    serde_json::json!({
        "version": 1,
        "handle": key(1),
        "keys": [{
            "made": 1_700_000_000,
            "use_after": 1_700_000_000,
            "sealing": key(2),
            "signing": key(3),
        }],
    })
    .to_string()
}

pub(crate) fn status_and_stderr(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    (output.status.code(), text)
}
