//! A policy, a configuration and what they need.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use portcullis_tests::lab::provider::Client;
use portcullis_tests::lab::{Authority, Issuer, Provider, SigningKey, folder, secrets};
use serde_json::{Value, json};

/// The companion's URL.
pub(super) const URL: &str = "https://auth.example.com";

/// The secret of the OAuth client.
pub(super) const SECRET: &str = "s3cret-of-the-client";

/// How long the command may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The files of a companion, and the issuers and the provider that they name.
pub(super) struct Fixture {
    pub(super) authority: Authority,
    pub(super) blue: Issuer,
    pub(super) green: Issuer,
    provider: Option<Provider>,
    pub(super) configuration: Value,
    pub(super) policy: Value,
    pub(super) folder: PathBuf,
}

/// What the command has printed.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) code: Option<i32>,
    pub(super) checks: Vec<Value>,
}

/// A trust entry of an issuer.
pub(super) fn trust(name: &str, issuer: &Issuer) -> Value {
    json!({
        "name": name,
        "kind": "kubernetes",
        "issuer": issuer.name(),
        "audiences": ["gate"],
        "keys": {"envoy_cluster": name},
    })
}

/// An issuer with a key of its own.
pub(super) async fn issuer(authority: &Authority, name: &str) -> Issuer {
    let url = format!("https://kubernetes.{name}.example.com");
    Issuer::start(authority, &url, &[&SigningKey::p256()]).await
}

impl Fixture {
    /// Two issuers, and a policy and a configuration for them, without faults and without sign-in.
    pub(super) async fn issuers() -> Self {
        let authority = Authority::new();
        let blue = issuer(&authority, "blue").await;
        let green = issuer(&authority, "green").await;
        Self {
            configuration: json!({
                "policy": "portcullis.yaml",
                "trust": {
                    "blue": {"connect": blue.address(), "ca_file": authority.file()},
                    "green": {"connect": green.address(), "ca_file": authority.file()},
                },
            }),
            policy: json!({
                "trust": [trust("blue", &blue), trust("green", &green)],
                "apps": [{
                    "name": "alertmanager",
                    "hosts": ["alertmanager.example.com"],
                    "rules": [
                        {"name": "karma", "allow": [{"service_account": "blue/monitoring/karma"}]},
                    ],
                }],
            }),
            authority,
            blue,
            green,
            provider: None,
            folder: folder::fresh("doctor"),
        }
    }

    /// The same with sign-in at a provider, without faults.
    pub(super) async fn start() -> Self {
        let client = Client::new("portcullis", SECRET);
        Self::with_client(client.redirect(&format!("{URL}/oauth2/callback"))).await
    }

    /// The same with this client at the provider.
    pub(super) async fn with_client(client: Client) -> Self {
        let mut fixture = Self::issuers().await;
        let provider = Provider::with(&fixture.authority).client(client);
        let provider = provider.start().await;
        let own = json!({
            "url": URL,
            "providers": [{
                "issuer": provider.issuer(),
                "client_id": "portcullis",
                "client_secret_file": "secret",
                "ca_file": fixture.authority.file(),
            }],
            "session": {
                "keys_file": "session-keys",
                "cookie": {"domain": "example.com"},
            },
        });
        for (name, value) in own.as_object().unwrap() {
            fixture.configuration[name] = value.clone();
        }
        fixture.policy["sso"] = json!({"url": URL, "envoy_cluster": "portcullis"});
        let operators = json!({"name": "operators", "allow": [{"from": "sso", "group": "sre"}]});
        let rules = fixture.policy["apps"][0]["rules"].as_array_mut();
        rules.unwrap().push(operators);
        fixture.provider = Some(provider);
        secrets::register("a client's secret", SECRET);
        fixture.write("secret", SECRET);
        let arguments = ["session-keys", "--out", "session-keys"];
        assert!(fixture.portcullis(&arguments).await.status.success());
        fixture
    }

    pub(super) const fn provider(&self) -> &Provider {
        self.provider.as_ref().expect("sign-in")
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    /// Writes the policy and the configuration.
    pub(super) fn write_files(&self) {
        self.write("portcullis.yaml", &self.policy.to_string());
        self.write("companion.yaml", &self.configuration.to_string());
    }

    /// Runs a command in the folder.
    pub(super) async fn portcullis(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(&self.folder);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// Examines the configuration and the policy.
    pub(super) async fn doctor(&self) -> Examined {
        self.doctor_with(&["--config", "companion.yaml"]).await
    }

    /// Examines with these arguments.
    pub(super) async fn doctor_with(&self, arguments: &[&str]) -> Examined {
        self.write_files();
        let arguments = [&["doctor", "-o", "json"], arguments].concat();
        let began = Instant::now();
        let output = self.portcullis(&arguments).await;
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
        Examined::of(&output)
    }
}

impl Examined {
    pub(super) fn of(output: &Output) -> Self {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let errors = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(errors, "", "{text}");
        for secret in ["s3cret", "eyJ", "redis-password"] {
            assert!(!text.contains(secret), "{text}");
        }
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["version"], 1);
        let checks = json["checks"].as_array().unwrap().clone();
        for check in &checks {
            let status = check["status"].as_str().unwrap();
            let has_help = check["help"].as_str().is_some_and(|help| !help.is_empty());
            assert_eq!(has_help, matches!(status, "error" | "warning"), "{check}");
        }
        Self {
            code: output.status.code(),
            checks,
        }
    }

    /// The checks with this status, as `SUBJECT: ID`.
    pub(super) fn with_status(&self, status: &str) -> Vec<String> {
        let checks = self.checks.iter().filter(|check| check["status"] == status);
        let name = |check: &Value| {
            let [subject, id] = ["subject", "id"].map(|name| check[name].as_str().unwrap());
            format!("{subject}: {id}")
        };
        checks.map(name).collect()
    }

    /// The detail and the help of a check with this status.
    pub(super) fn of_check(&self, status: &str, subject: &str, id: &str) -> (String, String) {
        let mut checks = self.checks.iter();
        let found = checks.find(|check| {
            check["status"] == status && check["subject"] == subject && check["id"] == id
        });
        let found = found.unwrap_or_else(|| panic!("no {status} {subject}: {id} in {self:#?}"));
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (text("detail"), text("help"))
    }

    /// Asserts that every check is ok, and the exit code.
    pub(super) fn assert_all_ok(&self) {
        assert_eq!(self.with_status("ok").len(), self.checks.len(), "{self:#?}");
        assert_eq!(self.code, Some(0));
    }

    /// Asserts that this check is the only error, that its detail and its help contain these texts, and the exit code.
    pub(super) fn assert_error(&self, subject: &str, id: &str, detail: &str, help: &str) {
        assert_eq!(
            self.with_status("error"),
            [format!("{subject}: {id}")],
            "{self:#?}"
        );
        assert_eq!(self.code, Some(2));
        self.assert_found("error", subject, id, detail, help);
    }

    /// Asserts that this check is the only warning, and nothing is an error.
    pub(super) fn assert_warning(&self, subject: &str, id: &str, detail: &str, help: &str) {
        assert_eq!(
            self.with_status("warning"),
            [format!("{subject}: {id}")],
            "{self:#?}"
        );
        assert_eq!(self.with_status("error"), [""; 0]);
        assert_eq!(self.code, Some(0));
        self.assert_found("warning", subject, id, detail, help);
    }

    fn assert_found(&self, status: &str, subject: &str, id: &str, detail: &str, help: &str) {
        let (found_detail, found_help) = self.of_check(status, subject, id);
        assert!(found_detail.contains(detail), "{found_detail}\n{detail}");
        assert!(found_help.contains(help), "{found_help}\n{help}");
    }
}
