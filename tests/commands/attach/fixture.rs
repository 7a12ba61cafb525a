//! A running `attach`, the files of tokens, and tokens.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Call, Response, SigningKey, Token, folder, port, wait};
use serde_json::{Value, json};

use super::target::Target;

/// A running `attach`, which forwards to one target.
pub(crate) struct Attach {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) process: Process,
}

/// A volume with a token, as the kubelet writes it.
pub(crate) struct Volume {
    folder: PathBuf,
    versions: usize,
}

/// The command with these arguments.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("attach").args(arguments);
    command.env("PORTCULLIS_LOG_LEVEL", "debug");
    command
}

/// A token that is valid for this many seconds.
pub(crate) fn token(seconds: i64) -> String {
    let token = Token::new(json!({"iss": "https://issuer.example.com", "sub": "karma"}));
    token.expires_in(seconds).sign(&SigningKey::p256())
}

/// A file with this content.
pub(crate) fn file(content: impl AsRef<[u8]>) -> PathBuf {
    let file = folder::fresh("attach-token").join("token");
    fs::write(&file, content).unwrap();
    file
}

impl Attach {
    /// Forwards to a target, with its CA and this token file, and waits until it listens.
    pub(crate) async fn to(target: &Target, token_file: &Path, more: &[&str]) -> Self {
        let ca = target.authority.file().to_str().unwrap();
        let more = [&["--ca-file", ca], more].concat();
        Self::start(&target.url(), token_file, &more).await
    }

    /// Forwards to a URL, and waits until it listens.
    pub(crate) async fn start(url: &str, token_file: &Path, more: &[&str]) -> Self {
        let address = port::free();
        let (listen, token_file) = (address.to_string(), token_file.to_str().unwrap());
        let arguments = ["--listen", &listen, "--to", url, "--token-file", token_file];
        Self::run(address, &[&arguments, more].concat()).await
    }

    /// Forwards by this file.
    pub(crate) async fn configured(address: SocketAddr, config: &Value) -> Self {
        let metrics = port::free();
        let mut config = config.clone();
        config["metrics"] = json!(metrics);
        let file = folder::fresh("attach").join("attach.yaml");
        fs::write(&file, config.to_string()).unwrap();
        let command = command(&["--config", file.to_str().unwrap()]);
        Self::launch(address, metrics, command).await
    }

    async fn run(address: SocketAddr, arguments: &[&str]) -> Self {
        let metrics = port::free();
        let mut command = command(arguments);
        command.args(["--metrics", &metrics.to_string()]);
        Self::launch(address, metrics, command).await
    }

    async fn launch(address: SocketAddr, metrics: SocketAddr, command: Command) -> Self {
        let mut process = Process::start("attach", &folder::fresh("attach"), command);
        process.ready_at(metrics, "/ping").await;
        Self {
            address,
            metrics,
            process,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(&Call::get("127.0.0.1", path)).await
    }

    pub(crate) async fn send(&self, call: &Call) -> Response {
        let response = call.try_send(self.address).await;
        response.unwrap_or_else(|error| panic!("{error}\n{}", self.process.log()))
    }

    pub(crate) async fn metrics(&self) -> String {
        let call = Call::get("localhost", "/metrics");
        call.send(self.metrics).await.text()
    }

    pub(crate) async fn ready(&self) -> Response {
        Call::get("localhost", "/ready").send(self.metrics).await
    }

    pub(crate) async fn wait_for_log(&self, what: &str) {
        wait::until_true(what, wait::LONG, async || self.process.log().contains(what)).await;
    }
}

impl Volume {
    /// A volume with this token in the file `token`.
    pub(crate) fn with(token: &str) -> Self {
        let mut volume = Self {
            folder: folder::fresh("attach-volume"),
            versions: 0,
        };
        volume.publish(token);
        symlink("..data/token", volume.folder.join("token")).unwrap();
        volume
    }

    /// The file of the token.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("token")
    }

    /// Replaces the token: a new folder, and a symbolic link to it that is renamed over `..data`.
    pub(crate) fn publish(&mut self, token: &str) {
        let old = format!("..{}", self.versions);
        self.versions += 1;
        let new = format!("..{}", self.versions);
        fs::create_dir(self.folder.join(&new)).unwrap();
        fs::write(self.folder.join(&new).join("token"), token).unwrap();
        symlink(&new, self.folder.join("..data_tmp")).unwrap();
        fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data")).unwrap();
        let _first = fs::remove_dir_all(self.folder.join(old));
    }
}

/// The refusal in a response of `attach`: its reason, and its message.
pub(crate) fn refusal(response: &Response) -> (String, String) {
    assert_eq!(
        response.header("cache-control").as_deref(),
        Some("no-store")
    );
    assert_eq!(
        response.header("content-type").as_deref(),
        Some("application/json")
    );
    let json: Value = serde_json::from_str(&response.text()).unwrap();
    assert!(json["error"].is_string(), "{json}");
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    (text("reason"), text("message"))
}
