//! What `portcullis explain` says of a request, to compare with what a gateway did.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::client::{Call, Response};
use super::fixture::Fixture;
use super::{folder, tools};

/// A policy and the companion's connections to the issuers, for `portcullis explain`.
#[derive(Debug)]
pub struct Explainer {
    folder: PathBuf,
    /// The options about keys.
    keys: [&'static str; 2],
    explained: AtomicUsize,
}

impl Explainer {
    /// Explains requests by this policy. Keys are read from the fixture's issuers.
    ///
    /// # Panics
    /// If the files can't be written.
    #[must_use]
    pub fn new(policy: &Value, fixture: &Fixture) -> Self {
        let folder = folder::fresh("explain");
        let trust = fixture.clusters.iter().map(|cluster| {
            let connection = json!({
                "connect": cluster.issuer.address().to_string(),
                "ca_file": fixture.authority.file(),
            });
            (cluster.name.clone(), connection)
        });
        let trust: serde_json::Map<String, Value> = trust.collect();
        write(&folder, "policy.json", policy);
        write(&folder, "companion.json", &json!({"trust": trust}));
        Self {
            folder,
            keys: ["--config", "companion.json"],
            explained: AtomicUsize::new(0),
        }
    }

    /// The same with these keys, by the names of trust entries, in place of those that are read.
    ///
    /// # Panics
    /// If the file can't be written.
    #[must_use]
    pub fn with_keys(self, keys: &Value) -> Self {
        write(&self.folder, "keys.json", keys);
        Self {
            keys: ["--keys", "keys.json"],
            ..self
        }
    }

    /// How many requests were explained.
    #[must_use]
    pub fn count(&self) -> usize {
        self.explained.load(Ordering::Relaxed)
    }

    /// Checks that the explanation of a request says what the gateway did, if the gate decided and not Envoy itself.
    ///
    /// # Panics
    /// If it does not; `what` names the request.
    pub async fn assert_agrees(&self, what: &str, call: &Call, response: &Response) {
        let verdict = response.verdict();
        if verdict != "200" && !verdict.contains(' ') {
            return;
        }
        let Some(explanation) = self.explain(call).await else {
            return;
        };
        let (status, reason) = (&explanation["status"], explanation["reason"].as_str());
        // What the companion would respond to a refresh is not explained.
        if reason == Some("session-unavailable") {
            return;
        }
        let is_allowed = explanation["decision"] == "allowed";
        if let Some(grpc_status) = response.grpc_status().filter(|_| !is_allowed) {
            let steps = explanation["steps"].as_array();
            let answer = steps.and_then(|steps| steps.last()).expect("an answer");
            let detail = answer["detail"].as_str().expect("a text");
            let expected = format!("grpc-status {grpc_status};");
            assert!(detail.contains(&expected), "{what}: {explanation:#}");
            assert_eq!(response.header("grpc-message").as_deref(), reason, "{what}");
            return;
        }
        let explained = match is_allowed {
            true => status.to_string(),
            false => format!("{status} {}", reason.unwrap_or_default()),
        };
        assert_eq!(explained, verdict, "{what}: {explanation:#}");
        if verdict == "200" {
            let app: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            assert_headers(what, &explanation, &app);
        }
    }

    /// The explanation of a request. `None` for one that Envoy changes before the filter gets it, or that a command
    /// line can't have.
    ///
    /// # Panics
    /// If the command could not run, or its exit code is not that of its decision.
    pub async fn explain(&self, call: &Call) -> Option<Value> {
        let mut command = Command::new(tools::companion());
        command
            .current_dir(&self.folder)
            .args(["explain", "policy.json", "-o", "json"])
            .args(self.keys)
            .args(arguments(call)?);
        // The issuers run on this runtime.
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("no panic").expect("the companion runs");
        let explanation: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let exit_code = if explanation["decision"] == "allowed" {
            0
        } else {
            2
        };
        assert_eq!(output.status.code(), Some(exit_code), "{explanation}");
        self.explained.fetch_add(1, Ordering::Relaxed);
        Some(explanation)
    }
}

fn write(folder: &Path, name: &str, content: &Value) {
    fs::write(folder.join(name), content.to_string()).expect("a file");
}

/// The options that describe a request.
fn arguments(call: &Call) -> Option<Vec<OsString>> {
    let (host, path) = (call.host(), call.path());
    let is_whole = path.starts_with('/') && !host.contains(['/', '?', '#']) && !host.is_empty();
    if call.is_raw() || !is_whole {
        return None;
    }
    let mut arguments: Vec<OsString> = vec![
        "--url".into(),
        format!("https://{host}{path}").into(),
        "--method".into(),
        call.method().into(),
    ];
    for (name, value) in call.headers() {
        // Envoy moves or removes these.
        let is_changed = ["host", "transfer-encoding", "connection", "te"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own.as_bytes()));
        if is_changed || name.starts_with(b":") || value.contains(&0) {
            return None;
        }
        arguments.push("--header".into());
        arguments.push(OsString::from_vec([name, &b": "[..], value].concat()));
    }
    Some(arguments)
}

/// Checks that the app received the headers that the explanation says are set, and none that it says are removed.
fn assert_headers(what: &str, explanation: &Value, app: &Value) {
    let Some(received) = app["headers"].as_array() else {
        return;
    };
    let values = |name: &str| -> Vec<&str> {
        let fields = received.iter().filter(|field| field[0] == name);
        fields.filter_map(|field| field[1].as_str()).collect()
    };
    for (name, value) in explanation["set"].as_object().expect("an object") {
        if !matches!(name.as_str(), "cookie" | "connection") {
            assert_eq!(
                values(name),
                [value.as_str().expect("a text")],
                "{what}: {name}"
            );
        }
    }
    for name in explanation["removed"].as_array().expect("a list") {
        let name = name.as_str().expect("a text");
        if explanation["set"].get(name).is_none() {
            assert!(values(name).is_empty(), "{what}: {name}");
        }
    }
}
