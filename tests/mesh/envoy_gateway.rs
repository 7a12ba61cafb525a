//! What Envoy Gateway makes of the files in `istio/envoy-gateway`, by its own translation. The module itself is not
//! translated: only a running Envoy Gateway fetches images.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::lab::folder::{self, workspace};
use portcullis_tests::lab::{Authority, tools, yaml};
use serde_json::{Value, json};

use crate::{mesh, shipped};

/// The files that describe the gateway, without the filter.
const FILES: [&str; 4] = ["gateway", "routes", "envoyproxy", "issuers"];

fn files() -> Vec<Value> {
    let mut objects = Vec::new();
    for file in FILES {
        objects.extend(shipped::objects(&format!("envoy-gateway/{file}.yaml"), &[]));
    }
    for object in &mut objects {
        // The command ignores labels of namespaces.
        if object["kind"] == "Gateway" {
            let listener = &mut object["spec"]["listeners"][0];
            listener["allowedRoutes"] = json!({"namespaces": {"from": "All"}});
        }
    }
    objects
}

/// What the files refer to: certificates and Services.
fn surroundings() -> Vec<Value> {
    let authority = Authority::new();
    let identity = authority.identity(&["*.example.com"]);
    let [certificate, key, ca] = [
        identity.certificate.as_path(),
        &identity.key,
        authority.file(),
    ]
    .map(|file| fs::read_to_string(file).expect("a file of the authority"));
    let mut objects = vec![json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"namespace": "envoy-ingress", "name": "gated-certificate"},
        "data": {"tls.crt": STANDARD.encode(certificate), "tls.key": STANDARD.encode(key)},
    })];
    for name in ["issuer-blue-ca", "issuer-green-ca"] {
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "envoy-ingress", "name": name},
            "data": {"ca.crt": ca},
        }));
    }
    for namespace in ["monitoring", "portcullis"] {
        objects.push(shipped::namespace(namespace));
    }
    for (namespace, name, port) in [
        ("monitoring", "alertmanager", 9093),
        ("monitoring", "prometheus", 9090),
        ("portcullis", "portcullis", 4180),
    ] {
        let ports = json!([{"name": "http", "port": port, "protocol": "TCP"}]);
        let labels = json!({"app.kubernetes.io/name": name});
        let mut service = mesh::service(namespace, name, &labels, ports.clone());
        service["spec"]["clusterIP"] = json!("10.96.0.10");
        objects.push(service);
        objects.push(json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "namespace": namespace,
                "name": name,
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}],
        }));
    }
    objects
}

/// The objects with their status, and Envoy's configuration.
fn translated() -> Value {
    let folder = folder::fresh("envoy-gateway");
    let file = folder.join("objects.yaml");
    let objects = files().into_iter().chain(surroundings());
    let documents: Vec<String> = objects.map(|object| object.to_string()).collect();
    // JSON is YAML.
    fs::write(&file, documents.join("\n---\n")).expect("a file");
    let mut command = Command::new(tools::egctl());
    command.args(["x", "translate", "--from", "gateway-api"]);
    command.args(["--to", "gateway-api,xds", "--output", "json", "--file"]);
    let output = command.arg(&file).output().expect("egctl runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error:.2000}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The parts of Envoy's configuration with this type.
fn parts(translated: &Value, kind: &str) -> Value {
    let configs = translated["xds"]["envoy-ingress/gated"]["configs"].as_array();
    let mut configs = configs.expect("a configuration").iter();
    let name = format!("type.googleapis.com/envoy.admin.v3.{kind}ConfigDump");
    let found = configs.find(|config| config["@type"] == name.as_str());
    found.unwrap_or_else(|| panic!("no {kind}")).clone()
}

#[test]
fn envoy_gateway_accepts_the_files_and_makes_the_clusters_that_the_policy_names() {
    let translated = translated();
    let mut accepted = 0;
    for kind in [
        "httpRoutes",
        "backendTLSPolicies",
        "clientTrafficPolicies",
        "backends",
    ] {
        for object in translated[kind].as_array().expect(kind) {
            let status = object["status"].to_string();
            assert!(status.contains(r#""status":"True""#), "{object}");
            assert!(!status.contains(r#""status":"False""#), "{object}");
            accepted += 1;
        }
    }
    assert_eq!(accepted, 11);

    let clusters = parts(&translated, "Clusters");
    let clusters = clusters["dynamicActiveClusters"]
        .as_array()
        .expect("clusters");
    let names: BTreeSet<&str> = clusters
        .iter()
        .filter_map(|cluster| cluster["cluster"]["name"].as_str())
        .collect();
    let plugin = shipped::objects("envoy-gateway/envoyextensionpolicy.yaml", &[]).remove(0);
    let policy = &plugin["spec"]["wasm"][0]["config"];
    let trust = policy["trust"].as_array().expect("trust").iter();
    let named = trust.map(|entry| &entry["keys"]["envoy_cluster"]);
    for cluster in named.chain([&policy["sso"]["envoy_cluster"]]) {
        let cluster = cluster.as_str().expect("a name");
        assert!(names.contains(cluster), "{cluster} is not in {names:?}");
    }
}

#[test]
fn envoy_gateway_labels_the_metrics_and_refuses_escaped_slashes() {
    let translated = translated();
    let bootstrap = parts(&translated, "Bootstrap")["bootstrap"].to_string();
    let example = fs::read_to_string(workspace().join("envoy/gateway.yaml")).expect("a file");
    let example = yaml::read(&example).expect("YAML");
    let tags = example["stats_config"]["stats_tags"].as_array();
    for tag in tags.expect("tags") {
        let regex = tag["regex"].to_string();
        assert!(bootstrap.contains(&regex), "{regex}");
    }
    let listeners = parts(&translated, "Listeners").to_string();
    assert!(listeners.contains("REJECT_REQUEST"), "{listeners}");
    assert!(listeners.contains("wasm.portcullis.audit"), "{listeners}");
}
