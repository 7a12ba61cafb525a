//! A gated app with its sidecar, the companion with its own, and a workload that tries to avoid the gate. Certificates are
//! istiod's.

use std::net::SocketAddr;

use portcullis_tests::lab::istio::{Proxy, Workload};
use portcullis_tests::lab::provider::Client;
use portcullis_tests::lab::{Call, Companion, Provider, UserAgent, wait};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::mesh::{self, HOST, Mesh};
use crate::shipped;

const ALERTS: &str = "/api/v2/alerts";
const SECRET: &str = "s3cret";
const COMPANION: &str = "https://auth.example.com";

/// A workload with a sidecar.
pub(crate) struct Sidecar {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    /// The number of its address.
    pub(crate) number: u8,
    /// Its port, and where the sidecar forwards what it receives there.
    pub(crate) inbound: (u16, SocketAddr),
    /// What it can call: a namespace, and the port on its own address where the sidecar takes requests.
    pub(crate) outbound: Option<(&'static str, u16)>,
}

impl Sidecar {
    fn labels(&self) -> Value {
        json!({"app.kubernetes.io/name": self.name})
    }

    /// Where its sidecar takes connections to a port.
    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(mesh::loopback(self.number), port)
    }

    /// Its WorkloadEntry, which stands for a pod, with mutual TLS.
    fn entry(&self) -> Value {
        let address = self.address(self.inbound.0);
        let mut entry = mesh::entry(self.namespace, self.name, &self.labels(), address);
        entry["spec"]["serviceAccount"] = json!(self.name);
        entry
    }

    /// Its ports. Nothing redirects connections, so the sidecar listens on them.
    fn ports(&self) -> Value {
        let address = mesh::loopback(self.number);
        let (port, app) = self.inbound;
        let http = |number: u16| json!({"number": number, "name": "http", "protocol": "HTTP"});
        let mut egress = json!([{"hosts": ["~/*"]}]);
        if let Some((namespace, port)) = self.outbound {
            egress = json!([{
                "hosts": [format!("{namespace}/*")],
                "port": http(port),
                "bind": address,
                "captureMode": "NONE",
            }]);
        }
        json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "Sidecar",
            "metadata": {"namespace": self.namespace, "name": self.name},
            "spec": {
                "workloadSelector": {"labels": self.labels()},
                "ingress": [{
                    "port": http(port),
                    "bind": address,
                    "captureMode": "NONE",
                    "defaultEndpoint": app.to_string(),
                }],
                "egress": egress,
            },
        })
    }

    /// Starts the sidecar, and waits until it has its configuration.
    pub(crate) async fn start(&self, mesh: &Mesh) -> Proxy {
        let server = &mesh.blue.server;
        server.apply(&self.entry()).await;
        server.apply(&self.ports()).await;
        let workload = Workload {
            kind: "sidecar",
            name: self.name,
            namespace: self.namespace,
            service_account: self.name,
            address: mesh::loopback(self.number),
            labels: self.labels(),
            bootstrap: None,
        };
        let mut proxy = Proxy::launch(&mesh.istiod, server, workload).await;
        proxy.ready().await;
        proxy
    }
}

async fn apply(mesh: &Mesh, file: &str) {
    for object in shipped::objects(file, &[]) {
        mesh.blue.server.apply(&object).await;
    }
}

#[tokio::test]
async fn only_the_gate_reaches_the_app() {
    let mesh = Mesh::start().await;
    let app = Sidecar {
        namespace: "monitoring",
        name: "alertmanager",
        number: 2,
        inbound: (9093, mesh.app.address()),
        outbound: None,
    };
    let intruder = Sidecar {
        namespace: "monitoring",
        name: "intruder",
        number: 3,
        inbound: (9000, mesh.app.address()),
        outbound: Some(("monitoring", 9093)),
    };
    let prometheus = Sidecar {
        name: "prometheus",
        number: 5,
        ..intruder
    };
    let (proxy, _intruder, _prometheus) = tokio::join!(
        app.start(&mesh),
        intruder.start(&mesh),
        prometheus.start(&mesh)
    );
    apply(&mesh, "mesh/mutual-tls.yaml").await;
    mesh.blue
        .server
        .apply(&Mesh::plugin("mesh/trafficextension-gateway.yaml"))
        .await;

    // What an intruder sends if nothing refuses it: an identity of its choice.
    let forged = Call::get("alertmanager.monitoring.svc.cluster.local:9093", ALERTS)
        .header("x-portcullis-caller", "blue/monitoring/karma");
    let by_mesh = async || forged.try_send(intruder.address(9093)).await;
    // Without the policy, mutual TLS alone lets every workload of the mesh call the app.
    let status = async |expected: u16| {
        wait::until_true(
            &format!("{expected} for the intruder"),
            wait::LONG,
            async || {
                by_mesh()
                    .await
                    .is_ok_and(|response| response.status == expected)
            },
        )
        .await;
    };
    status(200).await;
    apply(&mesh, "mesh/authorization.yaml").await;
    status(403).await;
    proxy.drained().await;
    let before = mesh.app.count();
    let refused = by_mesh().await.expect("a response");
    assert_eq!(refused.text(), "RBAC: access denied");
    // In clear text the sidecar takes nothing.
    let direct = forged.try_send(app.address(9093)).await;
    assert!(direct.is_err(), "{direct:?}");
    assert_eq!(mesh.app.count(), before);

    // Prometheus scrapes the app, and does nothing else there.
    let scrape = Call::get("alertmanager.monitoring.svc.cluster.local:9093", "/metrics");
    for (call, status) in [(&scrape, 200), (&forged, 403)] {
        let response = call.try_send(prometheus.address(9093)).await;
        assert_eq!(response.expect("a response").status, status);
    }
    let scraped = scrape.try_send(intruder.address(9093)).await;
    assert_eq!(scraped.expect("a response").status, 403);

    let karma = mesh.token(&mesh.blue, "karma").await;
    let through_the_gate = Call::get(HOST, ALERTS).bearer(&karma);
    mesh.becomes(&through_the_gate, "200").await;
    assert_eq!(by_mesh().await.expect("a response").status, 403);
}

/// The sidecar's filter reads the issuers' keys from the companion, with mutual TLS, and judges what other workloads send.
/// Either kind of plugin brings it there.
#[tokio::test]
async fn the_gate_in_a_sidecar_reads_keys_from_the_companion() {
    let mesh = Mesh::start().await;
    let server = &mesh.blue.server;
    let plugin = Mesh::plugin("mesh/trafficextension-sidecar.yaml");
    let older = Mesh::plugin("mesh/wasmplugin-sidecar.yaml");
    let connection = |cluster: &Cluster| {
        let server = &cluster.server;
        json!({"connect": server.address(), "ca_file": server.authority().file()})
    };
    let configuration = json!({
        "url": COMPANION,
        // Unreachable: this test needs no sign-in.
        "providers": [{"name": "sso", "issuer": "https://localhost:1", "client_id": "portcullis", "client_secret": SECRET}],
        "session": {"cookie": {"domain": "example.com"}},
        "trust": {"blue": connection(&mesh.blue), "green": connection(&mesh.green)},
    });
    // The companion's policy is the whole one, with sign-in.
    let mut policy = plugin["spec"]["wasm"]["pluginConfig"].clone();
    policy["sso"] = json!({"url": COMPANION, "envoy_cluster": "unused"});
    let companion = Companion::with(configuration, &policy).start().await;
    let gate = Sidecar {
        namespace: "portcullis",
        name: "portcullis",
        number: 4,
        inbound: (4180, companion.address()),
        outbound: None,
    };
    let app = Sidecar {
        namespace: "monitoring",
        name: "alertmanager",
        number: 2,
        inbound: (9093, mesh.app.address()),
        outbound: Some(("portcullis", 4180)),
    };
    let client = Sidecar {
        namespace: "monitoring",
        name: "client",
        number: 3,
        inbound: (9000, mesh.app.address()),
        outbound: Some(("monitoring", 9093)),
    };
    let ports = json!([{"name": "http", "port": 4180}]);
    let service = mesh::service("portcullis", "portcullis", &gate.labels(), ports);
    server.apply(&service).await;
    apply(&mesh, "mesh/companion.yaml").await;
    apply(&mesh, "mesh/mutual-tls.yaml").await;
    for object in shipped::objects("mesh/authorization.yaml", &[]) {
        if object["metadata"]["namespace"] == "portcullis" {
            server.apply(&object).await;
        }
    }
    let (_gate, _app, _client) =
        tokio::join!(gate.start(&mesh), app.start(&mesh), client.start(&mesh));

    let call = Call::get("alertmanager.monitoring.svc.cluster.local:9093", ALERTS);
    let karma = mesh.token(&mesh.blue, "karma").await;
    let other_cluster = mesh.token(&mesh.green, "karma").await;
    let becomes = async |call: &Call, expected: &str| {
        let mut last = String::new();
        let reached = wait::within(wait::LONG, async || {
            let response = call.try_send(client.address(9093)).await;
            last = response.map_or_else(|error| error.to_string(), |response| response.verdict());
            (last == expected).then_some(())
        });
        assert!(reached.await.is_some(), "{last}, not {expected}");
    };
    for plugin in [plugin, older] {
        server.apply(&plugin).await;
        becomes(&call, "401 no-credentials").await;
        becomes(&call.clone().bearer(&karma), "200").await;
        let other = call.clone().bearer(&other_cluster);
        becomes(&other, "403 caller-not-allowed").await;
        server.delete(&server.path_of(&plugin).await).await;
        becomes(&call, "200").await;
    }
}

#[tokio::test]
async fn a_user_signs_in_at_the_companion_behind_the_gateway() {
    let mesh = Mesh::start().await;
    let provider = Provider::with(&mesh.authority)
        .client(
            Client::new("portcullis", SECRET)
                .redirect(&format!("{COMPANION}/oauth2/callback"))
                .post_logout(&format!("{COMPANION}/oauth2/sign_out")),
        )
        .account(
            "alice",
            json!({"email": "alice@example.com", "email_verified": true, "groups": ["sre"]}),
        )
        .start()
        .await;
    let plugin = Mesh::plugin("mesh/trafficextension-gateway.yaml");
    let configuration = json!({
        "url": COMPANION,
        "providers": [{
            "name": "sso",
            "issuer": provider.issuer(),
            "client_id": "portcullis",
            "client_secret": SECRET,
            "ca_file": mesh.authority.file(),
            "scopes": ["openid", "email", "profile", "offline_access"],
        }],
        "session": {"cookie": {"domain": "example.com"}},
    });
    let policy = &plugin["spec"]["wasm"]["pluginConfig"];
    let companion = Companion::with(configuration, policy).start().await;
    let workload = Sidecar {
        namespace: "portcullis",
        name: "portcullis",
        number: 4,
        inbound: (4180, companion.address()),
        outbound: None,
    };
    let ports = json!([{"name": "http", "port": 4180}]);
    let service = mesh::service("portcullis", "portcullis", &workload.labels(), ports);
    mesh.blue.server.apply(&service).await;
    let _sidecar = workload.start(&mesh).await;
    apply(&mesh, "mesh/companion.yaml").await;
    for object in shipped::objects("mesh/mutual-tls.yaml", &[]) {
        if object["metadata"]["namespace"] == "portcullis" {
            mesh.blue.server.apply(&object).await;
        }
    }
    for object in shipped::objects("mesh/authorization.yaml", &[]) {
        if object["metadata"]["namespace"] == "portcullis" {
            mesh.blue.server.apply(&object).await;
        }
    }
    mesh.blue.server.apply(&plugin).await;
    mesh.becomes(&Call::get("auth.example.com", "/ping"), "200")
        .await;
    let anonymous = Call::get(HOST, "/");
    mesh.becomes(&anonymous, "401 no-credentials").await;

    let user = UserAgent::new(&[&mesh.authority]);
    let mut user = ["auth.example.com", HOST]
        .into_iter()
        .fold(user, |user, host| user.at(host, mesh.address()));
    user.visit(&format!("https://{HOST}/#/alerts")).await;
    let page = user.sign_in_as("alice").await;
    assert_eq!(page.response.status, 200, "{}", page.text());
    let seen = mesh.app.requests().pop().expect("a request");
    assert!(
        seen["headers"].to_string().contains("alice@example.com"),
        "{seen}"
    );
}
