//! A mesh with a gateway from the files in `istio/mesh`: two clusters, istiod in the first of them, the
//! gateway's proxy, and an app.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process;

use portcullis_tests::lab::istio::{Proxy, Workload};
use portcullis_tests::lab::{App, Authority, Call, Connection, Istiod, Response};
use portcullis_tests::lab::{port, tools, wait, yaml};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::shipped;

/// The app's host.
pub(crate) const HOST: &str = "alertmanager.example.com";

/// The audience in the shipped policies.
pub(crate) const AUDIENCE: &str = "portcullis";

/// The URL of the filter in the shipped files.
const SHIPPED_URL: &str = "oci://registry.example.com/portcullis/filter@sha256:\
    0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The running programs. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct Mesh {
    pub(crate) blue: Cluster,
    pub(crate) green: Cluster,
    pub(crate) istiod: Istiod,
    pub(crate) gateway: Proxy,
    pub(crate) app: App,
    /// The CA of the gateway's certificate.
    pub(crate) authority: Authority,
    address: SocketAddr,
}

impl Mesh {
    /// Starts everything but the filter: the gateway has the plugin's listener as soon as a test applies a plugin.
    pub(crate) async fn start() -> Self {
        let (blue, green, app) = tokio::join!(
            Cluster::open("blue"),
            Cluster::open("green"),
            App::start("alertmanager")
        );
        let definitions = yaml::read_folder(&tools::definitions("envoy-gateway"));
        blue.server.define(&definitions).await;
        let values = shipped::values("mesh/istiod-values.yaml");
        let istiod = Istiod::start(&blue.server, &values["meshConfig"]).await;
        for name in ["istio-ingress", "monitoring", "portcullis"] {
            let mut namespace = shipped::namespace(name);
            namespace["metadata"]["labels"] = json!({"portcullis.example.com/gated": "true"});
            blue.server.apply(&namespace).await;
        }
        let authority = Authority::new();
        let address = port::free();
        let gateway = Proxy::launch(
            &istiod,
            &blue.server,
            Workload {
                kind: "router",
                name: "gated-istio-0",
                namespace: "istio-ingress",
                service_account: "gated-istio",
                address: loopback(1),
                labels: json!({
                    "gateway.networking.k8s.io/gateway-name": "gated",
                    // What the plugins for gateways of Istio's own kind select.
                    "istio": "ingressgateway",
                }),
                bootstrap: Some(bootstrap()),
            },
        );
        let gateway = gateway.await;
        let mut mesh = Self {
            blue,
            green,
            istiod,
            gateway,
            app,
            authority,
            address,
        };
        mesh.configure().await;
        mesh.gateway.ready().await;
        mesh
    }

    /// The shipped files, and what stands for pods: there are none.
    async fn configure(&self) {
        let server = &self.blue.server;
        let listener = json!([{"name": "https", "port": 443, "targetPort": self.address.port()}]);
        let labels = json!({"gateway.networking.k8s.io/gateway-name": "gated"});
        server
            .apply(&service("istio-ingress", "gated-istio", &labels, listener))
            .await;
        server.apply(&self.certificate()).await;
        server.apply(&on_loopback()).await;
        let app = json!({"app.kubernetes.io/name": "alertmanager"});
        let ports = json!([{"name": "http", "port": 9093}]);
        server
            .apply(&service("monitoring", "alertmanager", &app, ports))
            .await;
        server
            .apply(&entry(
                "monitoring",
                "alertmanager",
                &app,
                self.app.address(),
            ))
            .await;

        for file in ["mesh/gateway.yaml", "mesh/routes.yaml"] {
            for object in shipped::objects(file, &[]) {
                server.apply(&object).await;
            }
        }
        for object in self.issuers() {
            server.apply(&object).await;
        }
    }

    /// `issuers.yaml` with the addresses and the CAs of the two API servers.
    fn issuers(&self) -> Vec<Value> {
        let mut objects = shipped::objects("mesh/issuers.yaml", &[]);
        for cluster in [&self.blue, &self.green] {
            let name = format!("issuer-{}", cluster.name);
            for object in objects
                .iter_mut()
                .filter(|object| object["metadata"]["name"] == name)
            {
                if object["kind"] == "ServiceEntry" {
                    let address = cluster.server.address();
                    object["spec"]["endpoints"] =
                        json!([{"address": address.ip(), "ports": {"https": address.port()}}]);
                } else {
                    let file = cluster.server.authority().file();
                    object["spec"]["trafficPolicy"]["tls"]["caCertificates"] = json!(file);
                }
            }
        }
        objects
    }

    fn certificate(&self) -> Value {
        let identity = self.authority.identity(&["*.example.com"]);
        let [certificate, key] = [identity.certificate, identity.key]
            .map(|file| std::fs::read_to_string(file).expect("a file of the authority"));
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"namespace": "istio-ingress", "name": "gated-certificate"},
            "stringData": {"tls.crt": certificate, "tls.key": key},
        })
    }

    /// A plugin from the shipped files, with the filter as a file: Istio's agent keeps images in `/var/lib`.
    pub(crate) fn plugin(file: &str) -> Value {
        let url = format!("file://{}", tools::filter().display());
        let objects = shipped::objects(file, &[(SHIPPED_URL, &url)]);
        objects.into_iter().next().expect("a plugin")
    }

    /// A token of a service account in `monitoring` for the gateway.
    pub(crate) async fn token(&self, cluster: &Cluster, name: &str) -> String {
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": "monitoring", "name": name},
        });
        cluster.server.apply(&account).await;
        let spec = json!({"audiences": [AUDIENCE], "expirationSeconds": 3600});
        cluster.server.token("monitoring", name, spec).await
    }

    /// The address of the gateway.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request through the gateway, over a new connection.
    pub(crate) async fn call(&self, call: Call) -> std::io::Result<Response> {
        call.try_send_tls(self.address, &self.authority.trust())
            .await
    }

    /// A connection to the gateway.
    pub(crate) async fn connect(&self) -> Connection {
        let trust = self.authority.trust();
        let connection = Connection::open_tls(self.address, HOST, &trust).await;
        connection.expect("a connection to the gateway")
    }

    /// Repeats a request until its verdict is `expected`.
    pub(crate) async fn becomes(&self, call: &Call, expected: &str) {
        let mut last = (String::new(), String::new());
        let reached = wait::within(wait::LONG, async || {
            last = match self.call(call.clone()).await {
                Ok(response) => (response.verdict(), response.text()),
                Err(error) => (error.to_string(), String::new()),
            };
            (last.0 == expected).then_some(())
        });
        let reached = reached.await;
        assert!(
            reached.is_some(),
            "the response is {last:?}, not {expected}; see the logs of the proxy and of istiod"
        );
    }
}

/// An address on loopback for a workload, which other programs do not use.
pub(crate) fn loopback(number: u8) -> IpAddr {
    let [.., high, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 1, low, number).into()
}

/// A Service that selects these labels.
pub(crate) fn service(namespace: &str, name: &str, labels: &Value, ports: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"selector": labels, "ports": ports},
    })
}

/// A workload without a sidecar that Services select by these labels, as they select pods. Its port `http` is at this
/// address.
pub(crate) fn entry(namespace: &str, name: &str, labels: &Value, address: SocketAddr) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "address": address.ip(),
            "ports": {"http": address.port()},
            "labels": labels,
        },
    })
}

/// What `gateway.yaml` mounts into the gateway.
fn bootstrap() -> String {
    let objects = shipped::objects("mesh/stats-tags.yaml", &[]);
    let text = objects[0]["data"]["custom_bootstrap.json"].as_str();
    text.expect("the bootstrap").to_owned()
}

/// Lets gateways listen on loopback only.
fn on_loopback() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"namespace": "istio-ingress", "name": "on-loopback"},
        "spec": {"configPatches": [{
            "applyTo": "LISTENER",
            "match": {"context": "GATEWAY"},
            "patch": {
                "operation": "MERGE",
                "value": {"address": {"socket_address": {"address": "127.0.0.1"}}},
            },
        }]},
    })
}
