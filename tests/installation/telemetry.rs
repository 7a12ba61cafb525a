//! Metrics and access logs in Kubernetes are those of `envoy/gateway.yaml`.

use std::fs;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;
use serde_json::{Value, json};

use crate::documents::{self, of_kind};

/// The audit record, which the policies in `istio/` put into filter state.
const AUDIT: &str = "%FILTER_STATE(wasm.portcullis.audit:PLAIN)%";

fn example() -> Value {
    let text = fs::read_to_string(workspace().join("envoy/gateway.yaml")).expect("a file");
    yaml::read(&text).expect("YAML")
}

/// The first object of this kind in a file.
fn object(file: &str, kind: &str) -> Value {
    let objects = documents::of_file(file);
    let found = of_kind(&objects, kind).next();
    found
        .unwrap_or_else(|| panic!("{file} has no {kind}"))
        .value
        .clone()
}

#[test]
fn the_labels_of_metrics_are_those_of_the_example_for_envoy() {
    let tags = &example()["stats_config"]["stats_tags"];
    assert_eq!(tags.as_array().map(Vec::len), Some(6));

    let bootstrap = object("istio/mesh/stats-tags.yaml", "ConfigMap");
    let bootstrap = bootstrap["data"]["custom_bootstrap.json"].as_str();
    let bootstrap: Value = serde_json::from_str(bootstrap.expect("text")).expect("JSON");
    assert_eq!(bootstrap, json!({"stats_config": {"stats_tags": tags}}));

    let proxy = object("istio/envoy-gateway/envoyproxy.yaml", "EnvoyProxy");
    let patches = proxy["spec"]["bootstrap"]["jsonPatches"]
        .as_array()
        .expect("patches");
    let add =
        |tag: &Value| json!({"op": "add", "path": "/stats_config/stats_tags/-", "value": tag});
    let expected: Vec<Value> = tags.as_array().expect("tags").iter().map(add).collect();
    assert_eq!(patches, &expected);
}

#[test]
fn the_access_logs_have_the_members_of_the_example_for_envoy_and_the_audit_record() {
    let example = example();
    let manager = &example["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    let log = &manager["typed_config"]["access_log"][0]["typed_config"]["log_format"];
    let mut expected = log["json_format"].clone();
    assert!(expected["caller"].is_string(), "{log}");
    expected["audit"] = json!(AUDIT);

    let values = documents::of_file("istio/mesh/istiod-values.yaml")
        .remove(0)
        .value;
    let providers = values["meshConfig"]["extensionProviders"]
        .as_array()
        .expect("providers");
    assert_eq!(providers.len(), 2);
    for (provider, kind) in providers.iter().zip(["envoyFileAccessLog", "envoyOtelAls"]) {
        assert_eq!(provider[kind]["logFormat"]["labels"], expected, "{kind}");
    }
    let telemetry = object("istio/mesh/telemetry.yaml", "Telemetry");
    let selected = &telemetry["spec"]["accessLogging"][0]["providers"][0]["name"];
    assert_eq!(*selected, providers[0]["name"]);

    let proxy = object("istio/envoy-gateway/envoyproxy.yaml", "EnvoyProxy");
    let settings = &proxy["spec"]["telemetry"]["accessLog"]["settings"];
    assert_eq!(settings[0]["format"]["json"], expected);
}
