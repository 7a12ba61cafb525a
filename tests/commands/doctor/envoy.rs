//! A running Envoy with the filter, by its admin interface.

use portcullis_tests::lab::{Endpoint, Gateway, ServerResponse, Version, fixture as lab, port};
use serde_json::{Value, json};

use super::fixture::{Examined, Fixture};

/// When the filter has fetched keys.
const READ_AT: &str = "portcullis_key_read_timestamp_seconds";

/// The clusters with the names of the lab's fixture, and the configuration that reaches them.
async fn fixture() -> (lab::Fixture, Fixture) {
    let clusters = lab::Fixture::start(&["blue", "green"]).await;
    let mut fixture = Fixture::issuers().await;
    let connections = clusters.clusters.iter().map(|cluster| {
        let connection = json!({
            "connect": cluster.issuer.address(),
            "ca_file": clusters.authority.file(),
        });
        (cluster.name.clone(), connection)
    });
    let connections: serde_json::Map<String, Value> = connections.collect();
    fixture.configuration = json!({"policy": "portcullis.yaml", "trust": connections});
    fixture.policy = clusters.policy();
    (clusters, fixture)
}

/// A gateway whose filter has fetched all keys.
async fn ready(clusters: &lab::Fixture, version: Version) -> Gateway {
    let gateway = clusters.gateway(clusters.policy()).version(version);
    let gateway = gateway.escaped_slashes("REJECT_REQUEST").start().await;
    for cluster in ["blue", "green"] {
        let is_read = |at: f64| at > 0.0;
        gateway
            .metric(READ_AT, &[("trust", cluster)], is_read)
            .await;
    }
    gateway
}

async fn examined(fixture: &Fixture, gateway: &Gateway) -> Examined {
    let admin = format!("http://{}", gateway.admin());
    let arguments = ["--config", "companion.yaml", "--envoy-admin", &admin];
    fixture.doctor_with(&arguments).await
}

#[tokio::test]
async fn an_envoy_with_this_policy_has_no_fault_and_each_fault_is_named() {
    let (clusters, mut fixture) = fixture().await;
    for version in Version::ALL {
        let gateway = ready(&clusters, version).await;
        let found = examined(&fixture, &gateway).await;
        found.assert_all_ok();
        let (detail, _) = found.of_check("ok", "envoy", "envoy-admin");
        assert!(detail.starts_with(&format!("Envoy {version}.")), "{detail}");
    }
    let gateway = ready(&clusters, Version::V1_40).await;

    // Another policy.
    fixture.policy["apps"][0]["rules"][0]["name"] = json!("another");
    let found = examined(&fixture, &gateway).await;
    found.assert_error(
        "envoy",
        "envoy-policy",
        "the filter has another policy",
        "apply this policy",
    );
    fixture.policy = clusters.policy();

    // A cluster that Envoy does not have, and keys that the filter has therefore not read.
    fixture.policy["trust"][1]["keys"]["envoy_cluster"] = json!("outbound|443||green.example.com");
    let found = examined(&fixture, &gateway).await;
    let detail = "Envoy has no cluster `outbound|443||green.example.com` (trust entry green)";
    found.assert_error("envoy", "envoy-cluster", detail, "add the cluster to Envoy");
    fixture.policy = clusters.policy();

    // An app that receives encoded slashes.
    fixture.policy["apps"][0]["encoded_paths"] = json!("pass");
    let found = examined(&fixture, &gateway).await;
    let (_, help) = found.of_check("error", "envoy", "envoy-paths");
    assert!(help.contains("KEEP_UNCHANGED"), "{help}");
}

#[tokio::test]
async fn path_settings_that_rules_can_not_rely_on_are_named() {
    let (clusters, fixture) = fixture().await;
    let raw = clusters
        .gateway(clusters.policy())
        .raw_paths()
        .start()
        .await;
    let found = examined(&fixture, &raw).await;
    let errors = found.with_status("error");
    let of_paths = errors.iter().filter(|error| *error == "envoy: envoy-paths");
    assert_eq!(of_paths.count(), 2, "{found:#?}");
    let (detail, help) = found.of_check("error", "envoy", "envoy-paths");
    assert!(detail.contains("`normalize_path` is not set"), "{detail}");
    assert!(help.contains("set `normalize_path: true`"), "{help}");
    let (detail, help) = found.of_check("warning", "envoy", "envoy-paths");
    assert!(
        detail.contains("`path_with_escaped_slashes_action` is not set"),
        "{detail}"
    );
    assert!(help.contains("REJECT_REQUEST"), "{help}");
    drop(raw);
    let decoding = clusters.gateway(clusters.policy());
    let decoding = decoding
        .escaped_slashes("UNESCAPE_AND_FORWARD")
        .start()
        .await;
    let found = examined(&fixture, &decoding).await;
    let (detail, _) = found.of_check("error", "envoy", "envoy-paths");
    assert!(detail.contains("decodes encoded slashes"), "{detail}");
}

#[tokio::test]
async fn an_issuer_that_the_filter_can_not_reach_and_an_envoy_without_the_filter_are_named() {
    let (clusters, fixture) = fixture().await;
    let response = ServerResponse::status(503);
    let green = &clusters.cluster("green").issuer;
    green.set_response(Endpoint::Discovery, response);
    let gateway = clusters.gateway(clusters.policy());
    let gateway = gateway.escaped_slashes("KEEP_UNCHANGED").start().await;
    let is_read = |at: f64| at > 0.0;
    let labels = [("trust", "blue")];
    gateway.metric(READ_AT, &labels, is_read).await;
    let found = examined(&fixture, &gateway).await;
    let (detail, help) = found.of_check("error", "envoy", "envoy-keys");
    assert_eq!(detail, "the filter has not fetched the keys of green yet");
    assert!(help.contains("Envoy's log"), "{help}");
    drop(gateway);

    let without = clusters
        .gateway(json!(null))
        .filters(Vec::new())
        .start()
        .await;
    let found = examined(&fixture, &without).await;
    let (detail, help) = found.of_check("error", "envoy", "envoy-filter");
    assert!(
        detail.contains("has the filter, so Envoy gates nothing"),
        "{detail}"
    );
    assert!(help.contains("`http_filters`"), "{help}");
    let (detail, _) = found.of_check("error", "envoy", "envoy-policy");
    assert!(detail.contains("it has not started"), "{detail}");
}

#[tokio::test]
async fn an_admin_interface_that_does_not_answer_is_named() {
    let (_clusters, fixture) = fixture().await;
    let admin = format!("http://{}", port::free());
    let found = fixture
        .doctor_with(&["--config", "companion.yaml", "--envoy-admin", &admin])
        .await;
    let help = "kubectl port-forward";
    found.assert_error("envoy", "envoy-admin", "Connection refused", help);
}
