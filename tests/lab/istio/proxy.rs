//! A proxy of the mesh: Istio's agent with the official Envoy in place of Istio's build of it.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{Istiod, NAME};
use crate::lab::client::Call;
use crate::lab::envoy::{Stats, Version};
use crate::lab::kubernetes::ApiServer;
use crate::lab::process::Process;
use crate::lab::{folder, port, tools, wait};

/// What the proxy belongs to.
#[derive(Clone, Debug)]
pub struct Workload {
    /// `router` for a gateway, or `sidecar`.
    pub kind: &'static str,
    /// The name of its pod.
    pub name: &'static str,
    /// Its namespace.
    pub namespace: &'static str,
    /// Its service account.
    pub service_account: &'static str,
    /// The address of its pod, on loopback.
    pub address: IpAddr,
    /// The labels of its pod.
    pub labels: Value,
    /// What completes its bootstrap, as JSON.
    pub bootstrap: Option<String>,
}

/// A running proxy. Stopped when dropped.
#[derive(Debug)]
pub struct Proxy {
    admin: SocketAddr,
    folder: PathBuf,
    process: Process,
}

impl Proxy {
    /// Starts one in a namespace that exists, whose certificate istiod issues for a token of its service account. It is not
    /// waited for: a proxy is ready when istiod has sent it everything.
    ///
    /// # Panics
    /// If the API server does not issue the token.
    pub async fn launch(istiod: &Istiod, server: &ApiServer, workload: Workload) -> Self {
        let folder = folder::fresh(workload.name);
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": workload.service_account, "namespace": workload.namespace},
        });
        server.apply(&account).await;
        let spec = json!({"audiences": ["istio-ca"], "expirationSeconds": 3600});
        let token = server.token(workload.namespace, workload.service_account, spec);
        write(&folder, "var/run/secrets/tokens/istio-token", &token.await);
        write(
            &folder,
            "var/run/secrets/istio/root-cert.pem",
            &istiod.root_certificate,
        );
        let bootstrap = tools::istio_bootstrap();
        let bootstrap = fs::read_to_string(&bootstrap)
            .unwrap_or_else(|error| panic!("{}: {error}", bootstrap.display()));
        let bootstrap = bootstrap.replace(".wildcard", ".localhost");
        write(&folder, "bootstrap.json", &bootstrap);
        let envoy = write(&folder, "envoy", &envoy());
        executable(&envoy);

        let [admin, ready, metrics, status] = [(); 4].map(|()| port::free());
        let configuration = json!({
            "discoveryAddress": istiod.discovery.to_string(),
            "binaryPath": envoy,
            "proxyAdminPort": admin.port(),
            // The agent's own server can't be limited to loopback.
            "statusPort": status.port(),
            "concurrency": 2,
            "drainDuration": "1s",
            "fileFlushInterval": "0.02s",
        });
        let mut command = Command::new(tools::istio("pilot-agent"));
        command.current_dir(&folder).args(["proxy", workload.kind]);
        command.args(["--proxyLogLevel", "info", "--profiling=false"]);
        command.args(["--templateFile", "bootstrap.json"]);
        command.envs([
            ("POD_NAME", workload.name),
            ("POD_NAMESPACE", workload.namespace),
            ("SERVICE_ACCOUNT", workload.service_account),
            ("ISTIOD_SAN", NAME),
            ("CLOUD_PLATFORM", "none"),
            ("ISTIO_META_CLUSTER_ID", "Kubernetes"),
            ("ISTIO_META_WORKLOAD_NAME", workload.name),
            // Nothing redirects connections to the proxy.
            ("ISTIO_META_INTERCEPTION_MODE", "NONE"),
            ("DNS_PROXY_ADDR", "127.0.0.1:0"),
        ]);
        if let Some(bootstrap) = &workload.bootstrap {
            let file = write(&folder, "custom_bootstrap.json", bootstrap);
            command.env("ISTIO_BOOTSTRAP_OVERRIDE", file);
        }
        command.env("INSTANCE_IP", workload.address.to_string());
        command.env("ISTIO_METAJSON_LABELS", workload.labels.to_string());
        command.env("PROXY_CONFIG", configuration.to_string());
        command.env("ENVOY_STATUS_PORT", ready.port().to_string());
        command.env("ENVOY_PROMETHEUS_PORT", metrics.port().to_string());
        Self {
            admin,
            process: Process::start(workload.name, &folder, command),
            folder,
        }
    }

    /// Waits until it has its configuration.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn ready(&mut self) {
        self.process.ready_at(self.admin, "/ready").await;
    }

    /// Its log: the agent's and Envoy's.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Envoy's metrics.
    ///
    /// # Panics
    /// If Envoy does not respond.
    pub async fn stats(&self) -> Stats {
        let call = Call::get("admin", "/stats/prometheus");
        Stats::new(call.send(self.admin).await.text())
    }

    /// Waits until no connection has an earlier configuration: Envoy drains these for a moment.
    ///
    /// # Panics
    /// If there still is one after [`wait::LONG`].
    pub async fn drained(&self) {
        wait::until_true("nothing is drained", wait::LONG, async || {
            let stats = self.stats().await;
            ["listeners", "filter_chains"].into_iter().all(|what| {
                let name = format!("envoy_listener_manager_total_{what}_draining");
                stats.value(&name, &[]) == Some(0.0)
            })
        })
        .await;
    }

    /// Envoy's configuration.
    ///
    /// # Panics
    /// If Envoy does not respond.
    pub async fn configuration(&self) -> Value {
        let call = Call::get("admin", "/config_dump?include_eds");
        call.send(self.admin).await.json()
    }

    /// Waits until Envoy's configuration contains a text.
    ///
    /// # Panics
    /// If it does not within [`wait::LONG`].
    pub async fn configured(&self, text: &str) {
        wait::until_true(text, wait::LONG, async || {
            let call = Call::get("admin", "/config_dump?include_eds");
            let response = call.try_send(self.admin).await;
            response.is_ok_and(|response| response.text().contains(text))
        })
        .await;
    }
}

/// A script that runs Envoy so that it ends with the agent, which has no time to end it when it is killed.
fn envoy() -> String {
    let envoy = tools::envoy(Version::V1_40);
    format!(
        "#!/bin/sh\nexec setpriv --pdeathsig KILL {} \"$@\"\n",
        envoy.display()
    )
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    let parent = file.parent().expect("a file in a folder");
    fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file
}

fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(file, permissions).expect("permissions of a script");
}
