//! What the chart renders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::helm::{self, Release};
use crate::{kubeconform, manifests, pods};

/// A digest for the filter.
const DIGEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Sets of files of values: the defaults, everything, and the examples.
fn all_values() -> Vec<Vec<PathBuf>> {
    let mut all = vec![vec![], vec![helm::everything()]];
    all.extend(manifests::folders().into_iter().map(|(_, values)| values));
    all
}

fn render(values: &[PathBuf]) -> Release {
    let paths: Vec<&Path> = values.iter().map(PathBuf::as_path).collect();
    helm::render(&paths).unwrap_or_else(|error| panic!("{values:?}: {error}"))
}

fn render_json(values: &Value) -> Release {
    helm::render_with(&[], values).unwrap_or_else(|error| panic!("{values}: {error}"))
}

#[test]
fn helm_lint_accepts_the_chart() {
    for values in all_values() {
        let paths: Vec<&Path> = values.iter().map(PathBuf::as_path).collect();
        let report =
            helm::run(&["lint", "--strict"], &paths).unwrap_or_else(|report| panic!("{report}"));
        assert!(!report.contains("[WARNING]"), "{report}");
    }
}

#[test]
fn kubernetes_accepts_every_object() {
    for values in all_values() {
        let release = render(&values);
        kubeconform::check_text(release.text())
            .unwrap_or_else(|report| panic!("{values:?}: {report}"));
    }
}

#[test]
fn the_same_values_give_the_same_bytes() {
    for values in all_values() {
        assert_eq!(render(&values).text(), render(&values).text());
    }
}

#[test]
fn every_pod_is_restricted() {
    let mut count = 0;
    for values in all_values() {
        for object in render(&values).objects() {
            if let Some(spec) = pods::spec(object) {
                assert_eq!(pods::violations(spec), Vec::<String>::new(), "{object}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 5, "four Deployments and a Job");
}

#[test]
fn no_object_has_another_namespace_or_name_than_it_should() {
    let release =
        helm::render_with(&[&helm::everything()], &json!({"fullnameOverride": "gate"})).unwrap();
    let names: BTreeSet<(&str, &str)> = release
        .objects()
        .iter()
        .map(|object| {
            (
                object["kind"].as_str().unwrap(),
                object["metadata"]["name"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = BTreeSet::from([
        ("ConfigMap", "further"),
        ("ConfigMap", "gate-check"),
        ("ConfigMap", "gate-config"),
        ("ConfigMap", "gate-dashboard"),
        ("ConfigMap", "gate-policy"),
        ("Deployment", "gate"),
        ("Job", "gate-check"),
        ("NetworkPolicy", "gate"),
        ("PodDisruptionBudget", "gate"),
        ("PrometheusRule", "gate"),
        ("Service", "gate"),
        ("ServiceAccount", "gate"),
        ("ServiceMonitor", "gate"),
        ("TrafficExtension", "portcullis"),
    ]);
    assert_eq!(names, expected);
    for object in release.objects() {
        let namespace = &object["metadata"]["namespace"];
        match object["metadata"]["name"].as_str() {
            Some("further") => assert!(namespace.is_null()),
            Some("portcullis") => assert_eq!(namespace, "istio-ingress"),
            _ => assert_eq!(namespace, "portcullis"),
        }
    }
}

#[test]
fn the_plugin_and_the_companion_have_the_same_policy() {
    for (kind, config) in [
        ("WasmPlugin", "/spec/pluginConfig"),
        ("TrafficExtension", "/spec/wasm/pluginConfig"),
        ("EnvoyExtensionPolicy", "/spec/wasm/0/config"),
    ] {
        let mut plugin = json!({"kind": kind, "match": [], "priority": null});
        if kind == "EnvoyExtensionPolicy" {
            plugin["targetRefs"] = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}]);
        }
        let release =
            helm::render_with(&[&helm::everything()], &json!({"plugin": plugin})).unwrap();
        kubeconform::check_text(release.text()).unwrap();
        let policy = release.file("portcullis-policy", "portcullis.yaml");
        let policy = portcullis_tests::lab::yaml::read(policy).unwrap();
        let object = release.object(kind, "portcullis");
        assert_eq!(object.pointer(config), Some(&policy), "{kind}");
        let apps: Vec<&Value> = policy["apps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|app| &app["name"])
            .collect();
        assert_eq!(
            apps,
            ["prometheus", "alertmanager", "grafana"],
            "the files in the order of their names"
        );
        let checked = release.file("portcullis-check", "portcullis.yaml");
        assert_eq!(
            checked,
            release.file("portcullis-policy", "portcullis.yaml")
        );
    }
}

#[test]
fn the_plugin_fails_closed_and_has_a_digest() {
    let image = format!("registry.example.com/portcullis/filter@{DIGEST}");
    for kind in ["WasmPlugin", "TrafficExtension"] {
        let release = render_json(&json!({
            "image": {"filter": {"digest": DIGEST}},
            "plugin": {"kind": kind, "selector": {"istio": "ingressgateway"}},
        }));
        let spec = &release.object(kind, "portcullis")["spec"];
        assert_eq!(spec["phase"], "AUTHN");
        assert_eq!(spec["selector"]["matchLabels"]["istio"], "ingressgateway");
        let wasm = if kind == "WasmPlugin" {
            spec
        } else {
            &spec["wasm"]
        };
        assert_eq!(wasm["url"], format!("oci://{image}"));
        assert_eq!(wasm["failStrategy"], "FAIL_RELOAD");
    }
    let release = render_json(&json!({
        "image": {"filter": {"digest": DIGEST}},
        "plugin": {
            "kind": "EnvoyExtensionPolicy",
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}],
        },
    }));
    let wasm = &release.object("EnvoyExtensionPolicy", "portcullis")["spec"]["wasm"][0];
    assert_eq!(wasm["failOpen"], json!(false));
    assert_eq!(wasm["code"]["image"]["url"], image);
    assert_eq!(
        wasm["code"]["image"]["sha256"],
        DIGEST.trim_start_matches("sha256:")
    );
}

#[test]
fn one_registry_serves_every_image() {
    let release = render(&[helm::everything()]);
    let text = release.text();
    let images = text
        .matches("registry.internal.example.com:5000/portcullis/")
        .count();
    assert_eq!(images, 3, "Deployment, Job and plugin");
    assert!(!text.contains("registry.example.com"));
}

#[test]
fn only_redis_has_several_replicas() {
    let example = |store: &str| {
        let (_, values) = &manifests::folders()[0];
        let release = helm::render_with(&[&values[0]], &json!({"store": store})).unwrap();
        let spec = release.object("Deployment", "portcullis")["spec"].clone();
        (release.of_kind("PersistentVolumeClaim").count(), spec)
    };
    for store in ["cookie", "file"] {
        let (claims, spec) = example(store);
        assert_eq!(
            (claims, &spec["strategy"]["type"]),
            (1, &json!("Recreate")),
            "{store}"
        );
        let mounts = spec
            .pointer("/template/spec/containers/0/volumeMounts")
            .unwrap()
            .as_array()
            .unwrap();
        assert!(
            mounts
                .iter()
                .any(|mount| mount["mountPath"] == "/var/lib/portcullis"),
            "{store}"
        );
    }
    let release = render(&manifests::folders()[1].1);
    let spec = &release.object("Deployment", "portcullis")["spec"];
    assert_eq!(spec["replicas"], 2);
    assert_eq!(spec["strategy"]["type"], "RollingUpdate");
    assert_eq!(release.of_kind("PersistentVolumeClaim").count(), 0);
    assert_eq!(
        release.object("PodDisruptionBudget", "portcullis")["spec"]["maxUnavailable"],
        1
    );
    let stateless = render_json(&json!({"store": "none", "replicas": 2}));
    assert_eq!(stateless.of_kind("PodDisruptionBudget").count(), 1);
}

#[test]
fn a_pod_restarts_for_its_configuration_and_not_for_its_policy() {
    let checksum = |values: &Value| {
        let release = helm::render_with(&[&helm::everything()], values).unwrap();
        release.object("Deployment", "portcullis")["spec"]["template"].clone()
    };
    let before = checksum(&json!({}));
    assert_eq!(
        before,
        checksum(&json!({"policy": {"max_token": 4096}})),
        "the companion reloads the policy"
    );
    assert_ne!(
        before,
        checksum(&json!({"companion": {"log": {"level": "debug"}}}))
    );
}

#[test]
fn without_peers_nobody_is_admitted() {
    let policy =
        |values: &Value| render_json(values).object("NetworkPolicy", "portcullis")["spec"].clone();
    let closed = policy(&json!({"networkPolicy": {"from": []}}));
    assert_eq!(closed["ingress"], json!([]));
    assert_eq!(closed["policyTypes"], json!(["Ingress"]));
    let default = policy(&json!({}));
    assert_eq!(default["ingress"].as_array().unwrap().len(), 1);
    assert_eq!(
        default["ingress"][0]["ports"],
        json!([{"port": 4180, "protocol": "TCP"}])
    );
    let ambient = policy(&json!({"networkPolicy": {"ambient": true}}));
    assert_eq!(ambient["ingress"][0]["ports"][1]["port"], 15008);
}

#[test]
fn monitoring_objects_have_the_files_of_the_chart() {
    let release = render(&[helm::everything()]);
    let read =
        |name: &str| std::fs::read_to_string(helm::chart().join("monitoring").join(name)).unwrap();
    let prefix = "https://git.example.com/portcullis/blob/v0.1.0/";
    let rules = read("rules.yaml").replace("runbook_url: ", &format!("runbook_url: {prefix}"));
    let rules = portcullis_tests::lab::yaml::read(&rules).unwrap();
    assert_eq!(
        release.object("PrometheusRule", "portcullis")["spec"],
        rules
    );
    let dashboard = release.file("portcullis-dashboard", "portcullis.json");
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(dashboard), json(&read("dashboard.json")));
    let labels = &release.object("ConfigMap", "portcullis-dashboard")["metadata"]["labels"];
    assert_eq!(labels["grafana_dashboard"], "1");
}
