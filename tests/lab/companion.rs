//! The companion: `portcullis serve`, as Cargo has built it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};

use super::authority::Authority;
use super::client::{Call, Reply};
use super::process::Process;
use super::{folder, port, secrets, tools, wait};

const CONFIGURATION: &str = "companion.yaml";
const POLICY: &str = "portcullis.yaml";
const KEYS: &str = "session-keys";

/// A companion to be: its files are written, its addresses are known.
#[derive(Debug)]
pub struct Settings {
    configuration: Value,
    folder: PathBuf,
    address: SocketAddr,
    metrics: SocketAddr,
    tls: Option<(String, Arc<ClientConfig>)>,
    environment: Vec<(String, String)>,
}

/// A running companion. It ends when dropped.
#[derive(Debug)]
pub struct Companion {
    settings: Settings,
    process: Process,
}

/// A companion that did not start: how it ended and what it said.
#[derive(Debug)]
pub struct Refused {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub log: String,
}

impl Companion {
    /// A companion with this configuration (`companion.yaml` as JSON) and policy. What is not said
    /// is filled in: `listen` and `metrics` on ports of its own, `policy`, and
    /// `session.keys_file` with new keys. A client's secret can be given as text in
    /// `client_secret`, which goes to a file.
    ///
    /// # Panics
    /// When its files cannot be written or the companion is not built.
    #[must_use]
    pub fn with(mut configuration: Value, policy: &Value) -> Settings {
        let folder = folder::fresh("companion");
        let [address, metrics] = ["listen", "metrics"].map(|name| {
            let member = &mut configuration[name];
            default(member, || json!(port::free()));
            let address = member.as_str().and_then(|address| address.parse().ok());
            address.unwrap_or_else(|| panic!("{name}: {member} is no address"))
        });
        let place = |name: &str| json!(folder.join(name));
        default(&mut configuration["policy"], || place(POLICY));
        default(&mut configuration["session"]["keys_file"], || {
            make_keys(&folder.join(KEYS));
            place(KEYS)
        });
        let providers = configuration["providers"].as_array_mut();
        for (number, provider) in providers.into_iter().flatten().enumerate() {
            let members = provider.as_object_mut().expect("a provider");
            if let Some(secret) = members.remove("client_secret") {
                let name = format!("client-secret-{number}");
                let secret = secret.as_str().expect("a secret as text");
                secrets::register("a client's secret", secret);
                write(&folder.join(&name), secret);
                members.insert("client_secret_file".to_owned(), place(&name));
            }
        }
        let settings = Settings {
            configuration,
            folder,
            address,
            metrics,
            tls: None,
            environment: Vec::new(),
        };
        settings.write_policy(policy);
        settings
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.settings.address
    }

    /// Where its metrics are.
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        self.settings.metrics
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A file beside its configuration: `companion.yaml`, `portcullis.yaml`, `session-keys` and what
    /// it writes there itself.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.settings.file(name)
    }

    /// Sends it a call, past any gateway.
    ///
    /// # Panics
    /// When no whole answer comes.
    pub async fn call(&self, call: Call) -> Reply {
        let reply = self.settings.try_call(&call).await;
        reply.unwrap_or_else(|error| panic!("{}: {error}:\n{}", self.address(), self.log()))
    }

    /// Sends it a call, past any gateway.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn try_call(&self, call: Call) -> std::io::Result<Reply> {
        self.settings.try_call(&call).await
    }

    /// Writes another policy, for it to notice.
    pub fn write_policy(&self, policy: &Value) {
        self.settings.write_policy(policy);
    }

    /// Puts a fresh key in front of its session keys, for it to notice.
    pub fn add_session_key(&self) {
        make_keys(&self.file(KEYS));
    }

    /// Waits until it has said this.
    ///
    /// # Panics
    /// When it has not within [`wait::LONG`].
    pub async fn wait_for_log(&self, what: &str) {
        let said = async || self.log().contains(what);
        wait::until_true(what, wait::LONG, said).await;
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.stop().await
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with the same files on the same ports, and waits until it is ready.
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

    /// Goes on after [`Companion::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// All it has said, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn ready(&mut self) {
        let ping = Call::get("localhost", "/ping");
        let settings = &self.settings;
        let is_ready = async || {
            let reply = settings.try_call(&ping).await;
            reply.is_ok_and(|reply| reply.status == 200)
        };
        self.process.ready(is_ready).await;
    }
}

impl Settings {
    /// Where it will listen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file beside its configuration.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Lets it terminate TLS itself, as this host.
    #[must_use]
    pub fn tls(mut self, authority: &Authority, host: &str) -> Self {
        let identity = authority.identity(&[host]);
        self.configuration["tls"] = json!({"cert": identity.certificate, "key": identity.key});
        self.tls = Some((host.to_owned(), authority.trust()));
        self
    }

    /// A variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
    pub async fn start(self) -> Companion {
        let process = self.launch();
        let mut companion = Companion {
            settings: self,
            process,
        };
        companion.ready().await;
        companion
    }

    /// Starts it and waits until it has refused to.
    ///
    /// # Panics
    /// When it has not within [`wait::LONG`].
    pub async fn refuse(self) -> Refused {
        let mut process = self.launch();
        let status = wait::until("a refusal to start", wait::LONG, async || process.ended()).await;
        Refused {
            status,
            log: process.log(),
        }
    }

    fn launch(&self) -> Process {
        let configuration = self.file(CONFIGURATION);
        // JSON is YAML.
        write(&configuration, &format!("{:#}", self.configuration));
        let mut command = Command::new(tools::companion());
        command.args(["serve", "--config"]).arg(configuration);
        let variables = self.environment.iter().map(|(name, value)| (name, value));
        command.envs(variables);
        Process::start("companion", &self.folder, command)
    }

    fn write_policy(&self, policy: &Value) {
        let draft = self.file("policy.draft");
        write(&draft, &format!("{policy:#}"));
        fs::rename(draft, self.file(POLICY)).expect("a move within a folder");
    }

    async fn try_call(&self, call: &Call) -> std::io::Result<Reply> {
        match &self.tls {
            Some((host, trust)) => call.try_send_as(host, self.address, trust).await,
            None => call.try_send(self.address).await,
        }
    }
}

/// Makes session keys, or puts a fresh one in front of those there are.
fn make_keys(file: &Path) {
    let output = Command::new(tools::companion())
        .args(["session-keys", "--out"])
        .arg(file)
        .output()
        .expect("the companion runs");
    assert!(
        output.status.success(),
        "session-keys: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let keys = fs::read(file).expect("a file of keys");
    let keys: Value = serde_json::from_slice(&keys).expect("keys as JSON");
    keep_keys(&keys);
}

/// No log may hold what makes session keys secret.
fn keep_keys(keys: &Value) {
    let of_each = keys["keys"].as_array().into_iter().flatten();
    let of_each = of_each.flat_map(|key| [&key["sealing"], &key["signing"]]);
    for secret in of_each.chain([&keys["handle"]]) {
        secrets::register("a session key", secret.as_str().expect("a key as text"));
    }
}

fn default(value: &mut Value, make: impl FnOnce() -> Value) {
    if value.is_null() {
        *value = make();
    }
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
