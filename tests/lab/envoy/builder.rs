//! The settings of a gateway before it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};

use super::listener::{Listener, Paths};
use super::{Adapter, Gateway, Rejected, Stats, Version, bootstrap, listener};
use crate::lab::authority::Authority;
use crate::lab::issuer::Issuer;
use crate::lab::process::Process;
use crate::lab::{folder, port, tools};

/// How the policy is encoded in Envoy's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyEncoding {
    /// JSON in a `google.protobuf.BytesValue`.
    BytesValue,
    /// JSON in a `google.protobuf.StringValue`, as in Istio.
    #[default]
    StringValue,
    /// A `google.protobuf.Struct`, as YAML in `envoy.yaml`.
    Struct,
}

/// A gateway that is not started yet: Envoy 1.40 with two workers, path normalization, and the adapter
/// of the run.
#[derive(Debug)]
pub struct Builder {
    version: Version,
    /// `None` for that of the run.
    adapter: Option<Adapter>,
    workers: u32,
    clusters: Vec<Value>,
    module: Option<PathBuf>,
    listener: Listener,
    trust: Option<Arc<ClientConfig>>,
}

impl Builder {
    pub(super) fn new(policy: Value) -> Self {
        Self {
            version: Version::V1_40,
            adapter: None,
            workers: 2,
            clusters: Vec::new(),
            module: None,
            listener: Listener::new(policy),
            trust: None,
        }
    }

    /// Uses this adapter, whatever that of the run is.
    #[must_use]
    pub fn adapter(mut self, adapter: Adapter) -> Self {
        self.adapter = Some(adapter);
        self
    }

    /// Uses another version of Envoy, or the oldest that supports the adapter of the run.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Sets the number of workers.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Sets the encoding of the policy.
    #[must_use]
    pub fn policy_encoding(mut self, policy_encoding: PolicyEncoding) -> Self {
        self.listener.policy_encoding = policy_encoding;
        self
    }

    /// Sets the address to listen on, if it must be known before the start.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listener.address = Some(address);
        self
    }

    /// Terminates TLS with a certificate for these hosts; `*.example.com` is allowed.
    #[must_use]
    pub fn tls(mut self, authority: &Authority, hosts: &[&str]) -> Self {
        self.listener.identity = Some(authority.identity(hosts));
        self.trust = Some(authority.trust());
        self
    }

    /// Adds a cluster for an issuer over TLS, with its private CA and the name that its certificate
    /// must have.
    #[must_use]
    pub fn issuer(self, cluster: &str, issuer: &Issuer, authority: &Authority) -> Self {
        self.tls_cluster(cluster, issuer.address(), issuer.host(), authority)
    }

    /// Adds a cluster over TLS that requires `name` in the certificate.
    #[must_use]
    pub fn tls_cluster(
        mut self,
        cluster: &str,
        address: SocketAddr,
        name: &str,
        authority: &Authority,
    ) -> Self {
        self.clusters.push(bootstrap::tls_cluster(
            cluster,
            address,
            name,
            authority.file(),
        ));
        self
    }

    /// Adds a cluster in clear text.
    #[must_use]
    pub fn cluster(mut self, cluster: &str, address: SocketAddr) -> Self {
        self.clusters.push(bootstrap::cluster(cluster, address));
        self
    }

    /// Adds an app at `host` and `host:*`, or at a wildcard such as `*.example.com`.
    #[must_use]
    pub fn app(self, host: &str, address: SocketAddr) -> Self {
        let cluster = format!("app-{}", self.clusters.len());
        self.cluster(&cluster, address).app_at(host, &cluster)
    }

    /// Adds an app at an existing cluster.
    #[must_use]
    pub fn app_at(mut self, host: &str, cluster: &str) -> Self {
        self.listener
            .hosts
            .push((host.to_owned(), cluster.to_owned()));
        self
    }

    /// Uses HTTP/2 for the apps added so far.
    #[must_use]
    pub fn apps_by_http2(mut self) -> Self {
        let of_app = |cluster: &&mut Value| {
            let name = cluster["name"].as_str().unwrap_or_default();
            name.starts_with("app-")
        };
        for cluster in self.clusters.iter_mut().filter(of_app) {
            bootstrap::use_http2(cluster);
        }
        self
    }

    /// Disables `normalize_path` and `merge_slashes`.
    #[must_use]
    pub fn raw_paths(mut self) -> Self {
        self.listener.paths = Paths::Raw;
        self
    }

    /// Sets `path_with_escaped_slashes_action`.
    #[must_use]
    pub fn escaped_slashes(mut self, action: &'static str) -> Self {
        self.listener.escaped_slashes = Some(action);
        self
    }

    /// Passes CONNECT to the filters, which Envoy rejects by default.
    #[must_use]
    pub fn allow_connect(mut self) -> Self {
        self.listener.upgrades.push("CONNECT");
        self
    }

    /// Sets `allow_on_headers_stop_iteration`, which lets Envoy continue with the body of a request
    /// whose headers the filter holds. We advise against it.
    #[must_use]
    pub fn stop_iteration(mut self) -> Self {
        self.listener.stop_iteration = true;
        self
    }

    /// Puts Envoy's CORS filter before ours, and allows this origin at every app.
    #[must_use]
    pub fn cors(mut self, origin: &str) -> Self {
        self.listener.cors = Some(origin.to_owned());
        self
    }

    /// Uses this filter (a WebAssembly module) instead.
    #[must_use]
    pub fn module(mut self, module: PathBuf) -> Self {
        self.module = Some(module);
        self
    }

    /// Replaces our filter with these HTTP filters, for a comparison. The list may be empty.
    #[must_use]
    pub fn filters(mut self, filters: Vec<Value>) -> Self {
        self.listener.filters = Some(filters);
        self
    }

    /// Starts it and waits until it listens with the policy.
    ///
    /// # Panics
    /// If it does not; the message has the end of its log.
    pub async fn start(self) -> Gateway {
        match self.try_start().await {
            Ok(gateway) => gateway,
            Err(Rejected(log)) => panic!("Envoy rejected the listener:\n{log}"),
        }
    }

    /// Starts it and waits until it listens with the policy or rejects it.
    ///
    /// # Errors
    /// If Envoy rejects the listener, most likely for its policy.
    ///
    /// # Panics
    /// If Envoy itself does not start.
    pub async fn try_start(mut self) -> Result<Gateway, Rejected> {
        let folder = folder::fresh("envoy");
        let admin = port::free();
        let address = *self.listener.address.get_or_insert_with(port::free);
        // Of an explicit adapter a test may show that a version does not support it.
        let version = match self.adapter {
            Some(_) => self.version,
            None => Adapter::of_run().supported(self.version),
        };
        // A WebAssembly module is for that adapter.
        let of_run = || {
            self.module
                .as_ref()
                .map_or_else(Adapter::of_run, |_| Adapter::Filter)
        };
        self.listener.adapter = self.adapter.unwrap_or_else(of_run);
        let mut has_module = self.listener.filters.is_some();
        if self.listener.filters.is_none() {
            match self.listener.adapter {
                Adapter::Filter => {
                    self.listener.module = self.module.unwrap_or_else(tools::filter);
                }
                Adapter::Module => {
                    let _built = tools::dynamic_module();
                    has_module = true;
                }
            }
        }
        self.listener.write(&folder);
        let configuration = folder.join("bootstrap.json");
        let mut bootstrap = bootstrap::bootstrap(admin, &self.clusters, &folder);
        if has_module && version != Version::V1_36 {
            bootstrap["layered_runtime"] = bootstrap::module_metrics();
        }
        std::fs::write(&configuration, format!("{bootstrap:#}")).expect("a bootstrap file");

        let mut command = Command::new(tools::envoy(version));
        command.arg("--config-path").arg(configuration);
        command.args([
            "--concurrency",
            &self.workers.to_string(),
            "--disable-hot-restart",
        ]);
        command.args(["--drain-time-s", "1", "--drain-strategy", "immediate"]);
        command.args(["--file-flush-interval-msec", "20", "--log-level", "info"]);
        tools::find_dynamic_module(&mut command);
        let process = Process::start("envoy", &folder, command);
        let process = process.logs_to(folder.join(listener::ACCESS_LOG));

        let mut gateway = Gateway {
            process,
            folder,
            needs_requests: self.listener.adapter == Adapter::Module && version == Version::V1_38,
            listener: self.listener,
            address,
            admin,
            trust: self.trust,
        };
        gateway.process.ready_at(admin, "/ready").await;
        gateway
            .wait_until_updated(&Stats::new(String::new()), 0)
            .await?;
        Ok(gateway)
    }
}

impl PolicyEncoding {
    /// The policy as the `configuration` of a plugin.
    pub(super) fn wrap(self, policy: &Value) -> Option<Value> {
        let text = match policy {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(match self {
            Self::BytesValue => {
                let bytes = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
                json!({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": bytes})
            }
            Self::StringValue => {
                json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text})
            }
            Self::Struct => {
                json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": policy})
            }
        })
    }
}
