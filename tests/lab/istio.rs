//! A real istiod with a Kubernetes API server as its registry, and proxies that it configures.

mod proxy;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

pub use proxy::{Proxy, Workload};

use super::client::Call;
use super::kubernetes::ApiServer;
use super::process::Process;
use super::{folder, port, tools, wait, yaml};

/// Istio's namespace, which is also the root namespace of its configuration.
pub const NAMESPACE: &str = "istio-system";

/// A name in istiod's certificate.
const NAME: &str = "istiod.istio-system.svc";

/// A running istiod. Stopped when dropped.
#[derive(Debug)]
pub struct Istiod {
    discovery: SocketAddr,
    monitoring: SocketAddr,
    root_certificate: String,
    _folder: PathBuf,
    process: Process,
}

impl Istiod {
    /// Defines Istio's kinds in the API server and starts an istiod for it, with these members of its `MeshConfig` besides
    /// those that the lab needs.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start(server: &ApiServer, configuration: &Value) -> Self {
        Self::start_in(folder::fresh("istiod"), server, configuration).await
    }

    /// The same, with the templates of Istio's chart: it also creates the Deployments of gateways.
    ///
    /// # Panics
    /// As `start`.
    pub async fn with_templates(server: &ApiServer) -> Self {
        let folder = folder::fresh("istiod");
        let templates = tools::istio_templates();
        let templates = fs::read_to_string(&templates)
            .unwrap_or_else(|error| panic!("{}: {error}", templates.display()));
        let templates = yaml::read(&templates).expect("a ConfigMap");
        let inject = folder.join("var/lib/istio/inject");
        fs::create_dir_all(&inject).expect("a folder of istiod");
        for name in ["config", "values"] {
            let content = templates["data"][name].as_str().expect("text");
            fs::write(inject.join(name), content).expect("a file of istiod");
        }
        Self::start_in(folder, server, &json!({})).await
    }

    async fn start_in(folder: PathBuf, server: &ApiServer, configuration: &Value) -> Self {
        server
            .define(&yaml::read_folder(&tools::definitions("istio")))
            .await;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        server.apply(&namespace).await;
        server.apply(&official_envoy()).await;

        let [ready, discovery, plain, webhooks, monitoring] = [(); 5].map(|()| port::free());
        let files = [
            ("kubeconfig", kubeconfig(server)),
            ("mesh", mesh_configuration(configuration)),
        ];
        for (name, content) in &files {
            // JSON is YAML.
            fs::write(folder.join(name), content.to_string()).expect("a file of istiod");
        }
        let mut command = Command::new(tools::istio("pilot-discovery"));
        command.current_dir(&folder).arg("discovery");
        for (flag, value) in [
            ("kubeconfig", "kubeconfig"),
            ("meshConfig", "mesh"),
            ("httpAddr", &ready.to_string()),
            ("secureGRPCAddr", &discovery.to_string()),
            ("grpcAddr", &plain.to_string()),
            ("httpsAddr", &webhooks.to_string()),
            ("monitoringAddr", &monitoring.to_string()),
            ("ctrlz_port", "0"),
        ] {
            command.arg(format!("--{flag}={value}"));
        }
        command.envs([
            ("POD_NAMESPACE", NAMESPACE),
            ("POD_NAME", "istiod-0"),
            ("ENABLE_LEADER_ELECTION", "false"),
            // An extension of Istio's own build of Envoy.
            ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
        ]);
        let mut process = Process::start("istiod", &folder, command);
        process.ready_at(ready, "/ready").await;
        let root_certificate = wait::until("istiod's root certificate", wait::LONG, async || {
            let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/istio-ca-root-cert");
            let data = server.get(&path).await.json()["data"]["root-cert.pem"].clone();
            data.as_str().map(str::to_owned)
        })
        .await;
        Self {
            discovery,
            monitoring,
            root_certificate,
            _folder: folder,
            process,
        }
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The sum of the series of this metric; 0 if there is none.
    ///
    /// # Panics
    /// If istiod does not respond.
    pub async fn metric(&self, name: &str) -> f64 {
        let metrics = Call::get("localhost", "/metrics")
            .send(self.monitoring)
            .await;
        let text = metrics.text();
        let series = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            if !rest.starts_with(['{', ' ']) {
                return None;
            }
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        });
        series.sum()
    }
}

fn kubeconfig(server: &ApiServer) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
        "clusters": [{"name": "lab", "cluster": {
            "server": format!("https://{}", server.address()),
            "certificate-authority": server.authority().file(),
        }}],
        "users": [{"name": "admin", "user": {"token": server.admin_token()}}],
    })
}

/// The mesh configuration: Istio's defaults without the metrics that only Istio's build of Envoy has, and these members.
fn mesh_configuration(members: &Value) -> Value {
    let mut configuration = json!({
        "rootNamespace": NAMESPACE,
        "trustDomain": "cluster.local",
        "enablePrometheusMerge": false,
    });
    let members = members.as_object().expect("an object").clone();
    configuration
        .as_object_mut()
        .expect("an object")
        .extend(members);
    configuration
}

/// Removes the filter from all listeners that only Istio's build of Envoy has.
fn official_envoy() -> Value {
    let manager = "envoy.filters.network.http_connection_manager";
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"namespace": NAMESPACE, "name": "official-envoy"},
        "spec": {"configPatches": [{
            "applyTo": "HTTP_FILTER",
            "match": {"listener": {"filterChain": {"filter": {
                "name": manager, "subFilter": {"name": "istio.alpn"},
            }}}},
            "patch": {"operation": "REMOVE"},
        }]},
    })
}
