//! The manifests in `istio/`, as a real API server validates them: schemas, unknown fields, CEL rules and admission.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use portcullis_tests::lab::folder::{self, workspace};
use portcullis_tests::lab::{ApiServer, tools, yaml};
use serde_json::json;

use crate::shipped::{self, Manifest};

/// An API server that knows the kinds of Istio, Envoy Gateway, the Gateway API and the Prometheus Operator.
async fn server() -> ApiServer {
    let server = ApiServer::with_defaults().start().await;
    for module in ["istio", "envoy-gateway", "prometheus-operator"] {
        server
            .define(&yaml::read_folder(&tools::definitions(module)))
            .await;
    }
    server
}

/// Validates all of them, in namespaces that exist.
async fn assert_accepted(server: &ApiServer, manifests: &[Manifest]) {
    let namespaces: BTreeSet<&str> = manifests
        .iter()
        .filter_map(|manifest| manifest.object["metadata"]["namespace"].as_str())
        .collect();
    for namespace in namespaces {
        server.apply(&shipped::namespace(namespace)).await;
    }
    let mut refusals = Vec::new();
    for Manifest { origin, object } in manifests {
        if let Err(reason) = server.validate(object).await {
            let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
            refusals.push(format!("{origin}: {kind} {name}: {reason}"));
        }
    }
    assert!(refusals.is_empty(), "{}", refusals.join("\n"));
}

#[tokio::test]
async fn the_api_server_accepts_every_manifest_and_the_rendered_chart() {
    let server = server().await;
    let manifests = shipped::all();
    assert!(!manifests.is_empty(), "istio/ has no manifests");
    assert_accepted(&server, &manifests).await;

    // A misspelled field is refused, so the test can fail.
    let mut misspelled = manifests.into_iter().next().expect("a manifest").object;
    misspelled["metadata"]["labelz"] = json!({});
    let reason = server
        .validate(&misspelled)
        .await
        .expect_err("an unknown field");
    assert!(reason.contains("labelz"), "{reason}");

    for values in [
        None,
        Some(workspace().join("tests/installation/everything.yaml")),
    ] {
        let manifests = rendered_chart(values.as_deref());
        assert!(!manifests.is_empty(), "the chart renders nothing");
        assert_accepted(&server, &manifests).await;
    }
}

/// The objects of the chart, with the defaults or with these values.
fn rendered_chart(values: Option<&Path>) -> Vec<Manifest> {
    let mut command = Command::new(tools::helm());
    let home = folder::fresh("helm");
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, &home);
    }
    command.args(["template", "portcullis"]);
    command.arg(shipped::path("chart"));
    command.args(["--namespace", "portcullis"]);
    if let Some(values) = values {
        command.arg("--values").arg(values);
    }
    let output = command.output().expect("Helm runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let rendered = String::from_utf8_lossy(&output.stdout);
    let mut manifests = shipped::manifests("the chart", &rendered);
    for manifest in &mut manifests {
        let metadata = &mut manifest.object["metadata"];
        if metadata["namespace"].is_null() {
            metadata["namespace"] = json!("portcullis");
        }
    }
    manifests
}
