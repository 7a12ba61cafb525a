//! `portcullis explain` of the records in Envoy's own log. The tests of requests compare the explanation of each request with
//! the gateway: see `TestGateway::explained`.

use std::fs;
use std::process::Command;

use portcullis_tests::lab::fixture::{HOST, get_alerts};
use portcullis_tests::lab::{Call, TestGateway, folder, tools, wait};
use serde_json::{Value, json};

fn edit(policy: &mut Value) {
    let rules = policy["apps"][0]["rules"].as_array_mut().unwrap();
    rules[0]["methods"] = json!(["GET"]);
    rules.push(json!({"name": "probes", "paths": ["/-/healthy"], "public": true}));
}

#[tokio::test]
async fn each_record_in_the_log_is_explained_with_the_decision_that_it_has() {
    let mut gateway = TestGateway::start(edit).await;
    let blue = gateway.fixture.cluster("blue");
    let (karma, expired) = (blue.token(), blue.karma().ago(7200).sign(&blue.key));
    let other_audience = blue.karma().claim("aud", "other").sign(&blue.key);
    let other_issuer = blue
        .karma()
        .claim("iss", "https://evil.example.com")
        .sign(&blue.key);
    let calls = [
        ("rule", get_alerts(&karma)),
        (
            "caller-not-allowed",
            get_alerts(&karma).with_method("DELETE"),
        ),
        ("public", Call::get(HOST, "/-/healthy")),
        ("no-credentials", Call::get(HOST, "/api?secret=1")),
        ("expired", get_alerts(&expired)),
        ("audience-mismatch", get_alerts(&other_audience)),
        ("issuer-unknown", get_alerts(&other_issuer)),
        ("app-unknown", Call::get("evil.example.com", "/")),
        (
            "request-ambiguous",
            Call::get(HOST, "/api;x").bearer(&karma),
        ),
    ];
    for (reason, call) in &calls {
        let response = gateway.gateway.call(call.clone()).await;
        if matches!(*reason, "rule" | "public") {
            assert_eq!(response.verdict(), "200");
            gateway.count_forwarded();
        } else {
            assert!(
                response.verdict().ends_with(reason),
                "{}",
                response.verdict()
            );
        }
    }
    wait::until_true("the audit records", wait::LONG, async || {
        gateway.gateway.audit_records().len() >= calls.len()
    })
    .await;
    let folder = folder::fresh("audit");
    let mut policy = gateway.fixture.policy();
    edit(&mut policy);
    fs::write(folder.join("policy.json"), policy.to_string()).unwrap();
    fs::write(folder.join("envoy.log"), gateway.gateway.log()).unwrap();
    let records = gateway.gateway.audit_records();
    for (reason, _) in calls {
        let mut matching = records.iter().map(|record| &record.record);
        let record = matching.find(|record| record["reason"] == reason).unwrap();
        let id = record["id"].as_str().unwrap();
        let output = Command::new(tools::companion())
            .current_dir(&folder)
            .args([
                "explain",
                "policy.json",
                "-o",
                "json",
                "--audit",
                "envoy.log",
                "--id",
                id,
            ])
            .output()
            .unwrap();
        let explanation: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "{reason}: {error}: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        for member in ["decision", "reason", "app", "rule", "caller"] {
            assert_eq!(
                explanation.get(member),
                Some(record.get(member).unwrap_or(&Value::Null)),
                "{reason}: {member}: {explanation:#}"
            );
        }
        let note = explanation["notes"][0].as_str().unwrap();
        assert!(
            note.starts_with("the record has the same decision"),
            "{note}"
        );
    }
    gateway.assert_clean().await;
}
