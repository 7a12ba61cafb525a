//! What `portcullis import oauth2-proxy` writes, and a companion that runs it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::process::Process;
use super::{Authority, Call, Issuer, folder, port, tools, yaml};

/// The issuer in the configuration of [`ImportedCompanion`].
pub const ISSUER: &str = "https://kubernetes.example.com";

/// The audience there.
pub const AUDIENCE: &str = "oauth2-proxy";

/// What was written, as JSON.
#[derive(Debug)]
pub struct Imported {
    /// `companion.yaml`.
    pub configuration: Value,
    /// `portcullis.yaml`.
    pub policy: Value,
}

/// A companion with what the configuration of a team with Prometheus and Alertmanager was turned into. Stopped when
/// dropped.
#[derive(Debug)]
pub struct ImportedCompanion {
    address: SocketAddr,
    _process: Process,
}

/// Imports into the folder `out` of this folder, with these arguments.
///
/// # Panics
/// If the import does not succeed, or has nothing that needs an operator: there is a secret at least.
pub fn import(folder: &Path, arguments: &[&str]) {
    let mut import = Command::new(tools::companion());
    import
        .current_dir(folder)
        .args(["import", "oauth2-proxy", "--out", "out"]);
    let output = import.args(arguments).output().expect("the import runs");
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Imported {
    /// Imports with these arguments.
    ///
    /// # Panics
    /// As [`import`].
    #[must_use]
    pub fn with(arguments: &[&str]) -> Self {
        let folder = folder::fresh("import");
        import(&folder, arguments);
        let read = |name: &str| {
            let text = fs::read_to_string(folder.join("out").join(name)).expect("what was written");
            yaml::read(&text).expect("YAML")
        };
        Self {
            configuration: read("companion.yaml"),
            policy: read("portcullis.yaml"),
        }
    }
}

impl ImportedCompanion {
    /// Imports the configuration with the CA of the issuer, which is [`ISSUER`], makes the files that the report names,
    /// and starts the companion. `with_log` makes rules from the log of oauth2-proxy, in which Karma reads.
    ///
    /// # Panics
    /// If the import does not succeed or the companion does not become ready.
    pub async fn start(issuer: &Issuer, authority: &Authority, with_log: bool) -> Self {
        let (folder, story) = (
            folder::fresh("import"),
            folder::workspace().join("tests/commands/import/story"),
        );
        let input = |name: &str| story.join(name).display().to_string();
        let (config, ingress, log) = (
            input("oauth2-proxy.cfg"),
            input("ingress.yaml"),
            input("requests.log"),
        );
        let ca = format!("--provider-ca-file={}", authority.file().display());
        let mut arguments = vec!["--config", &*config, "--ingress", &ingress];
        if with_log {
            arguments.extend(["--access-log", &log]);
        }
        arguments.extend(["--", &ca, "--trusted-proxy-ip=127.0.0.1"]);
        import(&folder, &arguments);

        // As the report says.
        let out = folder.join("out");
        fs::write(out.join("client-secret"), "secret").expect("a file");
        let portcullis = |arguments: &[&str]| {
            let mut command = Command::new(tools::companion());
            command.current_dir(&out).args(arguments);
            command
        };
        let keys = portcullis(&["session-keys", "--out", "session-keys"]).output();
        assert!(keys.expect("the companion runs").status.success());

        let (address, metrics) = (port::free(), port::free().to_string());
        // Where the lab has the issuer, which no name leads to.
        let connect = format!("kubernetes={}", issuer.address());
        let serve = portcullis(&[
            "serve",
            "--config",
            "companion.yaml",
            "--listen",
            &address.to_string(),
            "--metrics",
            &metrics,
            "--trust-connect",
            &connect,
        ]);
        let mut process = Process::start("companion", &out, serve);
        process.ready_at(address, "/ping").await;
        Self {
            address,
            _process: process,
        }
    }

    /// The status of forward auth for a request with this token.
    ///
    /// # Panics
    /// If no complete response arrives.
    pub async fn status(&self, token: Option<&str>, method: &str, url: &str) -> u16 {
        let call = Call::get("localhost", "/oauth2/auth")
            .header("x-original-method", method)
            .header("x-original-url", url);
        let call = match token {
            Some(token) => call.bearer(token),
            None => call,
        };
        call.send(self.address).await.status
    }
}
