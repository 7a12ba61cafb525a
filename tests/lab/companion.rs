//! The companion: `portcullis serve`, as built by Cargo.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};

use super::authority::Authority;
use super::client::{Call, Response};
use super::process::Process;
use super::{folder, port, secrets, tools, wait};

const CONFIGURATION: &str = "companion.yaml";
const POLICY: &str = "portcullis.yaml";
const KEYS: &str = "session-keys";

/// A companion that is not started yet: its files are written, its addresses are known.
#[derive(Debug)]
pub struct Settings {
    configuration: Value,
    folder: PathBuf,
    address: SocketAddr,
    metrics: SocketAddr,
    tls: Option<(String, Arc<ClientConfig>)>,
    environment: Vec<(String, String)>,
}

/// A running companion. Stopped when dropped.
#[derive(Debug)]
pub struct Companion {
    settings: Settings,
    process: Process,
}

/// A companion that refused to start.
#[derive(Debug)]
pub struct Refused {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its log.
    pub log: String,
}

impl Companion {
    /// A companion with this configuration (`companion.yaml` as JSON) and policy. Missing settings
    /// are filled in: `listen` and `metrics` with free ports, `policy`, and, if there are `providers`,
    /// `session.keys_file` with new keys. `client_secret` is written to a file and replaced with `client_secret_file`.
    ///
    /// # Panics
    /// If its files can't be written or the companion is not built.
    #[must_use]
    pub fn with(mut configuration: Value, policy: &Value) -> Settings {
        let folder = folder::fresh("companion");
        let [address, metrics] = ["listen", "metrics"].map(|name| {
            let member = &mut configuration[name];
            default(member, || json!(port::free()));
            let address = member.as_str().and_then(|address| address.parse().ok());
            address.unwrap_or_else(|| panic!("{name}: {member} is not an address"))
        });
        let path = |name: &str| json!(folder.join(name));
        default(&mut configuration["policy"], || path(POLICY));
        // Without providers there are no sessions.
        if configuration.get("providers").is_some() {
            default(&mut configuration["session"]["keys_file"], || {
                make_keys(&folder.join(KEYS));
                path(KEYS)
            });
        }
        let providers = configuration.get_mut("providers");
        let providers = providers.and_then(Value::as_array_mut);
        for (number, provider) in providers.into_iter().flatten().enumerate() {
            let members = provider.as_object_mut().expect("a provider");
            if let Some(secret) = members.remove("client_secret") {
                let name = format!("client-secret-{number}");
                let secret = secret.as_str().expect("a secret as text");
                secrets::register("a client's secret", secret);
                write(&folder.join(&name), secret);
                members.insert("client_secret_file".to_owned(), path(&name));
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

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.settings.address
    }

    /// The address of its metrics.
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        self.settings.metrics
    }

    /// Its process ID.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A file beside its configuration: `companion.yaml`, `portcullis.yaml`, `session-keys`, or a
    /// file that it writes there.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.settings.file(name)
    }

    /// Sends it a request directly, not through a gateway.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn call(&self, call: Call) -> Response {
        let response = self.settings.try_call(&call).await;
        response.unwrap_or_else(|error| panic!("{}: {error}:\n{}", self.address(), self.log()))
    }

    /// Sends it a request directly, not through a gateway.
    ///
    /// # Errors
    /// If no complete response arrives.
    pub async fn try_call(&self, call: Call) -> std::io::Result<Response> {
        self.settings.try_call(&call).await
    }

    /// Replaces the policy file. The companion reloads it.
    pub fn write_policy(&self, policy: &Value) {
        self.settings.write_policy(policy);
    }

    /// Adds a new key to its session keys file. The companion reloads it.
    pub fn add_session_key(&self) {
        make_keys(&self.file(KEYS));
    }

    /// Waits until its log contains this.
    ///
    /// # Panics
    /// If it does not within [`wait::LONG`].
    pub async fn wait_for_log(&self, what: &str) {
        let is_logged = async || self.log().contains(what);
        wait::until_true(what, wait::LONG, is_logged).await;
    }

    /// Terminates it (SIGTERM) and waits until it has exited.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.stop().await
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with the same files and ports, and waits until it is ready.
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

    /// Resumes it after [`Companion::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Its log, over all restarts.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn ready(&mut self) {
        let ping = Call::get("localhost", "/ping");
        let settings = &self.settings;
        let is_ready = async || {
            let response = settings.try_call(&ping).await;
            response.is_ok_and(|response| response.status == 200)
        };
        self.process.ready(is_ready).await;
    }
}

impl Settings {
    /// The address it will listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file beside its configuration.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Terminates TLS in the companion, with a certificate for this host.
    #[must_use]
    pub fn tls(mut self, authority: &Authority, host: &str) -> Self {
        let identity = authority.identity(&[host]);
        self.configuration["tls"] = json!({"cert": identity.certificate, "key": identity.key});
        self.tls = Some((host.to_owned(), authority.trust()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start(self) -> Companion {
        let process = self.launch();
        let mut companion = Companion {
            settings: self,
            process,
        };
        companion.ready().await;
        companion
    }

    /// Starts it and waits until it has refused to start.
    ///
    /// # Panics
    /// If it has not within [`wait::LONG`].
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

    async fn try_call(&self, call: &Call) -> std::io::Result<Response> {
        match &self.tls {
            Some((host, trust)) => call.try_send_as(host, self.address, trust).await,
            None => call.try_send(self.address).await,
        }
    }
}

/// Makes session keys, or rotates the existing ones.
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
    register_keys(&keys);
}

/// Registers the session keys, so that logs are searched for them.
fn register_keys(keys: &Value) {
    let key_secrets = keys["keys"].as_array().into_iter().flatten();
    let key_secrets = key_secrets.flat_map(|key| [&key["sealing"], &key["signing"]]);
    for secret in key_secrets.chain([&keys["handle"]]) {
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
