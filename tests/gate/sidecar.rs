//! A sidecar protects one workload, which has many names and addresses (`hosts: any`), in a proxy that logs at
//! `warning` (`audit.access_log`).

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, TestGateway, Version};
use serde_json::{Value, json};

/// One app for all hosts, and its audit records in the access log alone.
fn edit(policy: &mut Value) {
    policy["apps"][0]["hosts"] = json!("any");
    policy["audit"] = json!({"allowed": "debug", "refused": "off", "access_log": true});
}

#[tokio::test]
async fn with_any_host_the_rules_apply_under_every_name() {
    for version in Version::ALL {
        let gateway = TestGateway::with(edit, |builder| {
            builder.version(version).app_at("*", "app-1")
        });
        let mut gateway = gateway.await;
        let token = gateway.token();
        for host in [
            HOST,
            "alertmanager",
            "alertmanager.monitoring.svc.cluster.local:9093",
            "AlertManager.Example.ORG",
            "10.0.0.1:9093",
        ] {
            let call = Call::get(host, "/api/v2/alerts");
            gateway
                .assert_refused(host, call.clone(), 401, "no-credentials")
                .await;
            gateway.assert_allowed(host, call.bearer(&token)).await;
        }
        for host in [
            "a.example.com,b.example.com",
            "a@b",
            "a..b",
            "a b",
            "exämple",
        ] {
            let call = Call::get(host, "/api/v2/alerts").bearer(&token);
            let response = gateway.gateway.call(call).await;
            assert_eq!(response.status, 400, "{host}: {}", response.text());
            gateway.assert_not_forwarded(host);
        }
    }
}

#[tokio::test]
async fn the_access_log_has_the_audit_record_whatever_is_logged() {
    let mut gateway = TestGateway::start(edit).await;
    let token = gateway.token();
    let call = |path: &str| Call::get(HOST, path);
    gateway
        .assert_allowed("allowed", call("/allowed?x=1").bearer(&token))
        .await;
    gateway
        .assert_refused("refused", call("/refused"), 401, "no-credentials")
        .await;
    for (path, decision, caller) in [
        ("/allowed", "allowed", json!("blue/monitoring/karma")),
        ("/refused", "refused", Value::Null),
    ] {
        let line = gateway
            .gateway
            .logged(path, |line| line["path"] == path)
            .await;
        let record = line["audit"].as_str().unwrap_or_else(|| panic!("{line}"));
        let record: Value = serde_json::from_str(record).unwrap();
        assert_eq!(record["audit"], "portcullis.decision.v1");
        assert_eq!(record["decision"], decision);
        assert_eq!(record["caller"], caller);
        assert_eq!(record["path"], path);
    }
    assert!(gateway.gateway.audit_records().is_empty());
}
