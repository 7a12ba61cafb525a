//! The companion takes the files that the chart renders.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Authority, folder, port, tools};
use serde_json::{Value, json};

use crate::helm::{self, Release};
use crate::manifests;

/// The folders of a pod.
const FOLDERS: [&str; 3] = [
    "/etc/portcullis",
    "/run/secrets/portcullis",
    "/var/lib/portcullis",
];

/// The files of a release, with all paths below a folder.
struct Pod {
    folder: PathBuf,
    configuration: String,
    metrics: SocketAddr,
}

impl Pod {
    /// Writes the mounted files of a rendered release.
    fn new(release: &Release) -> Self {
        let folder = folder::fresh("pod");
        let pod = Self {
            configuration: String::new(),
            metrics: port::free(),
            folder,
        };
        for path in FOLDERS {
            fs::create_dir_all(pod.path(path)).expect("a folder");
        }
        fs::write(
            pod.path("/etc/portcullis/portcullis.yaml"),
            release.file("portcullis-policy", "portcullis.yaml"),
        )
        .expect("a file");
        pod.write_secrets(release.object("Deployment", "portcullis"));
        let mut configuration = release
            .file("portcullis-config", "companion.yaml")
            .to_owned();
        for path in FOLDERS {
            configuration = configuration.replace(path, pod.path(path).to_str().expect("text"));
        }
        for (from, to) in [
            ("0.0.0.0:4180", port::free()),
            ("0.0.0.0:9180", pod.metrics),
        ] {
            assert!(configuration.contains(from), "{configuration}");
            configuration = configuration.replace(from, &to.to_string());
        }
        Self {
            configuration,
            ..pod
        }
    }

    /// Where a path of the pod is.
    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    /// Writes each file of the Secrets that the pod mounts.
    fn write_secrets(&self, deployment: &Value) {
        let authority = Authority::new();
        fs::copy(authority.file(), self.path("/etc/portcullis/ca.crt")).expect("a file");
        let identity = authority.identity(&["auth.example.com"]);
        let volumes = deployment
            .pointer("/spec/template/spec/volumes")
            .and_then(Value::as_array)
            .expect("volumes");
        let secrets = volumes.iter().find(|volume| volume["name"] == "secrets");
        let mode = secrets.and_then(|volume| volume["projected"]["defaultMode"].as_u64());
        let mode = mode.map_or(0o644, |mode| u32::try_from(mode).expect("a mode"));
        let sources = secrets.and_then(|volume| volume["projected"]["sources"].as_array());
        let items = sources
            .into_iter()
            .flatten()
            .map(|source| &source["secret"]["items"]);
        for item in items.flat_map(|items| items.as_array().expect("items")) {
            let name = item["path"].as_str().expect("a path");
            let file = self.path("/run/secrets/portcullis").join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            match name {
                "session-keys" => {
                    let mut command = Command::new(tools::companion());
                    assert!(
                        command
                            .args(["session-keys", "--out"])
                            .arg(&file)
                            .status()
                            .expect("it runs")
                            .success()
                    );
                }
                "tls/tls.crt" => drop(fs::copy(&identity.certificate, &file).expect("a file")),
                "tls/tls.key" => drop(fs::copy(&identity.key, &file).expect("a file")),
                _ => fs::write(&file, "a secret").expect("a file"),
            }
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its owner");
        }
    }

    /// Starts the companion, waits until it runs, and returns its log.
    async fn run(&self) -> String {
        let file = self.path("/etc/portcullis/companion.yaml");
        fs::write(&file, &self.configuration).expect("a file");
        let mut command = Command::new(tools::companion());
        command.args(["serve", "--config"]).arg(file);
        command.env("SSL_CERT_FILE", self.path("/etc/portcullis/ca.crt"));
        let mut process = Process::start("companion", &self.folder, command);
        process.ready_at(self.metrics, "/ping").await;
        process.stop().await;
        process.log()
    }
}

/// All releases with different stores.
fn releases() -> Vec<(&'static str, Release)> {
    let example = &manifests::folders()[0].1[0];
    let with = |values: &[&Path], own: Value| helm::render_with(values, &own).expect("a release");
    vec![
        ("the defaults", with(&[], json!({}))),
        ("cookie", with(&[example], json!({}))),
        ("file", with(&[example], json!({"store": "file"}))),
        (
            "redis",
            with(&[example, &manifests::folders()[1].1[1]], json!({})),
        ),
        ("everything", with(&[&helm::everything()], json!({}))),
    ]
}

#[tokio::test]
async fn the_companion_starts_with_the_rendered_files() {
    for (name, release) in releases() {
        let pod = Pod::new(&release);
        let log = pod.run().await;
        assert!(log.contains("\"message\":\"listening\""), "{name}: {log}");
        for line in log.lines().filter(|line| line.contains("\"WARN\"")) {
            // Tests reach neither Redis nor the provider.
            let is_expected = [
                "share the issuer",
                "could not be fetched",
                "unavailable",
                "provider",
                "Redis",
                "unencrypted",
            ]
            .iter()
            .any(|word| line.contains(word));
            assert!(is_expected, "{name}: {line}");
        }
    }
}

#[test]
fn check_accepts_the_rendered_policy() {
    for (name, release) in releases() {
        let pod = Pod::new(&release);
        let mut command = Command::new(tools::companion());
        let output = command
            .arg("check")
            .arg(pod.path("/etc/portcullis/portcullis.yaml"))
            .output()
            .expect("it runs");
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
