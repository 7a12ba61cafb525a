//! A real Prometheus.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::client::Call;
use super::process::Process;
use super::{folder, port, tools};

/// A running Prometheus. Stopped when dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    _process: Process,
}

/// The configuration of a Prometheus that scrapes itself.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    jobs: Vec<Value>,
    rules: Vec<PathBuf>,
}

impl Prometheus {
    /// Starts one that scrapes only itself, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start() -> Self {
        Self::with().start().await
    }

    /// The configuration of one that scrapes more.
    #[must_use]
    pub fn with() -> Settings {
        Settings::default()
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The series that a query returns now, each with its labels in `metric` and its `value`.
    ///
    /// # Panics
    /// If the query is invalid.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let mut result = self.get("query", &[("query", query)]).await;
        match result["result"].take() {
            Value::Array(series) => series,
            other => panic!("{query}: not a vector: {other}"),
        }
    }

    /// The values that a label has in the series of a metric.
    ///
    /// # Panics
    /// If the name of the metric is invalid.
    pub async fn label_values(&self, metric: &str, label: &str) -> Vec<String> {
        let path = format!("label/{label}/values");
        let values = self.get(&path, &[("match[]", metric)]).await;
        let values = values.as_array().expect("a list").iter();
        values
            .map(|value| value.as_str().expect("a text").to_owned())
            .collect()
    }

    /// Its HTTP API.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pairs = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let path = format!("/api/v1/{path}?{}", pairs.collect::<Vec<_>>().join("&"));
        let response = Call::get("localhost", &path).send(self.address).await;
        let mut body = response.json();
        assert_eq!(response.status, 200, "{path}: {body}");
        body["data"].take()
    }
}

impl Settings {
    /// Scrapes a program every second.
    #[must_use]
    pub fn scrape(mut self, job: &str, address: SocketAddr, path: &str) -> Self {
        self.jobs.push(json!({
            "job_name": job,
            "metrics_path": path,
            "static_configs": [{"targets": [address.to_string()]}],
        }));
        self
    }

    /// Evaluates a file of rules every second.
    #[must_use]
    pub fn rules(mut self, file: &Path) -> Self {
        self.rules.push(file.to_owned());
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start(self) -> Prometheus {
        let folder = folder::fresh("prometheus");
        let address = port::free();
        let configuration = folder.join("prometheus.yml");
        let Self { jobs, rules } = self.scrape("prometheus", address, "/metrics");
        let document = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": rules,
            "scrape_configs": jobs,
        });
        // JSON is YAML.
        fs::write(&configuration, document.to_string()).expect("a configuration file");
        let mut command = tools::app("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let mut process = Process::start("prometheus", &folder, command);
        process.ready_at(address, "/-/ready").await;
        Prometheus {
            address,
            _process: process,
        }
    }
}
