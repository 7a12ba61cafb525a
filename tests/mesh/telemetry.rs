//! What an operator sees of the gate: labels of metrics, and the access log.

use portcullis_tests::lab::kubernetes::ApiServer;
use portcullis_tests::lab::{Call, Istiod, tools, wait, yaml};
use serde_json::{Value, json};

use crate::mesh::{HOST, Mesh};
use crate::shipped;

const ALERTS: &str = "/api/v2/alerts";

/// The lines of the access log with this reason.
fn records(log: &str, reason: &str) -> Vec<Value> {
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let records = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records
        .filter(|record| record["reason"] == reason)
        .collect()
}

#[tokio::test]
async fn metrics_have_labels_and_the_access_log_has_the_audit_records() {
    let mesh = Mesh::start().await;
    let server = &mesh.blue.server;
    server
        .apply(&Mesh::plugin("mesh/trafficextension-gateway.yaml"))
        .await;
    for object in shipped::objects("mesh/telemetry.yaml", &[]) {
        server.apply(&object).await;
    }
    let karma = mesh.token(&mesh.blue, "karma").await;
    let allowed = Call::get(HOST, ALERTS).bearer(&karma);
    // Without a plugin, a gateway forwards everything.
    let refused = Call::get(HOST, ALERTS);
    mesh.becomes(&refused, "401 no-credentials").await;
    mesh.becomes(&allowed, "200").await;

    let labels = |decision, reason| {
        [
            ("app", "alertmanager"),
            ("decision", decision),
            ("reason", reason),
        ]
    };
    for (decision, reason) in [("allowed", "rule"), ("refused", "no-credentials")] {
        wait::until_true(reason, wait::LONG, async || {
            let stats = mesh.gateway.stats().await;
            let series = stats.value("portcullis_decisions_total", &labels(decision, reason));
            series.is_some_and(|count| count >= 1.0)
        })
        .await;
    }
    for (reason, call, caller) in [
        ("rule", &allowed, json!("blue/monitoring/karma")),
        ("no-credentials", &refused, Value::Null),
    ] {
        // The configuration of the access log may come after that of the filter.
        let record = wait::until(reason, wait::LONG, async || {
            mesh.call(call.clone()).await.expect("a response");
            records(&mesh.gateway.log(), reason).pop()
        })
        .await;
        let audit = record["audit"].as_str().expect("an audit record");
        let audit: Value = serde_json::from_str(audit).expect("JSON");
        assert_eq!(audit["reason"], reason, "{record}");
        assert_eq!(audit["app"], "alertmanager", "{record}");
        assert_eq!(record["caller"], caller, "{record}");
    }
}

/// istiod creates the gateway's Deployment. The options of `gateway.yaml` add files to it.
#[tokio::test]
async fn the_gateways_pods_have_the_cas_of_the_issuers_and_the_labels_of_metrics() {
    let server = ApiServer::with_defaults().start().await;
    let definitions = yaml::read_folder(&tools::definitions("envoy-gateway"));
    server.define(&definitions).await;
    let _istiod = Istiod::with_templates(&server).await;
    for namespace in ["monitoring", "portcullis"] {
        server.apply(&shipped::namespace(namespace)).await;
    }
    for object in shipped::objects("mesh/gateway.yaml", &[]) {
        server.apply(&object).await;
    }
    let path = "/apis/apps/v1/namespaces/istio-ingress/deployments/gated-istio";
    let deployment = wait::until("the gateway's Deployment", wait::LONG, async || {
        let response = server.get(path).await;
        (response.status == 200).then(|| response.json())
    })
    .await;
    assert_eq!(deployment["spec"]["replicas"], 2);
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let mounts = container["volumeMounts"].to_string();
    for folder in ["/etc/portcullis/issuers", "/etc/istio/custom-bootstrap"] {
        assert!(mounts.contains(folder), "{mounts}");
    }
    let file = "/etc/istio/custom-bootstrap/custom_bootstrap.json";
    assert!(container["env"].to_string().contains(file), "{container}");
    for map in ["issuer-cas", "portcullis-bootstrap"] {
        assert!(pod["volumes"].to_string().contains(map), "{pod}");
    }
}
