use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use serde_json::json;

use super::AccessReview;

fn review() -> AccessReview {
    let policy = json!({
        "trust": [{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com", "audiences": ["gate"],
                   "keys": {"envoy_cluster": "blue"}}],
        "apps": [{"name": "alertmanager", "hosts": ["alertmanager.example.com", "*.tools.example.com"], "rules": [
            {"name": "karma", "methods": ["GET", "HEAD"], "paths": ["/api/v2/**"],
             "allow": [{"service_account": "blue/monitoring/karma"}, {"from": "blue", "claim": {"path": ["a"], "equals": "=1|\"2"}}]},
            {"name": "probes", "paths": ["/-/healthy"], "public": true},
        ]}],
    });
    of(&policy)
}

fn of(policy: &serde_json::Value) -> AccessReview {
    let policy = Policy::from_json(&policy.to_string()).unwrap();
    AccessReview::of(&policy, Timestamp::from_secs(1_800_000_000))
}

/// Who may use an app whatever its rules say, and who may not.
#[test]
fn open_apps_ungated_hosts_and_refused_callers_are_listed() {
    let review = of(&json!({
        "trust": [{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com", "audiences": ["gate"],
                   "keys": {"envoy_cluster": "blue"}}],
        "apps": [{"name": "a", "hosts": ["a.example.com"], "report_until": "2999-01-01T00:00:00Z",
                  "rules": [{"name": "all", "allow": [{"from": "blue", "anyone": true}]}]}],
        "ungated": ["shop.example.com"],
        "refuse_callers": ["blue/monitoring/karma"],
    }));
    assert_eq!(
        review.text(),
        "a (a.example.com)
  everybody: all methods all paths
      rule OPEN until 2999-01-01T00:00:00Z
  from: blue, anyone: true: all methods all paths
      rule all
(ungated) (shop.example.com)
  everybody: all methods all paths
      rule ungated
refused whatever rules say: blue/monitoring/karma"
    );
}

fn record(rule: &str, allow: Option<&str>, time: &str) -> serde_json::Value {
    json!({
        "audit": "portcullis.decision.v1", "decision": "allowed", "app": "alertmanager", "rule": rule, "allow": allow,
        "time": time, "caller": "blue/monitoring/karma",
    })
}

#[test]
fn each_entry_has_a_row_with_its_last_use() {
    let mut review = review();
    for (allow, time) in [
        ("allow[0]", "2026-11-30T10:00:00.000Z"),
        ("allow[0]", "2026-11-30T12:00:00.000Z"),
        ("allow[0]", "2026-11-30T11:00:00.000Z"),
        ("allow[7]", "2026-11-30T12:00:00.000Z"),
    ] {
        review.add(&record("karma", Some(allow), time));
    }
    review.add(&record("probes", None, "2026-11-30T09:00:00.000Z"));
    let mut refused = record("karma", Some("allow[1]"), "2026-11-30T09:00:00.000Z");
    refused["decision"] = json!("refused");
    review.add(&refused);
    assert_eq!(
        review.text(),
        "alertmanager (alertmanager.example.com, *.tools.example.com)
  service_account: blue/monitoring/karma: GET HEAD /api/v2/**
      rule karma; 3 requests, last 2026-11-30T12:00:00.000Z by blue/monitoring/karma
  from: blue, claim: {path: [a], equals: \"=1|\\\"2\"}: GET HEAD /api/v2/**
      rule karma; not used in the log
  everybody: GET HEAD /-/healthy
      rule probes; 1 requests, last 2026-11-30T09:00:00.000Z by blue/monitoring/karma
1 of 5 records are of rules that this policy does not have"
    );
}

#[test]
fn tables_quote_what_the_policy_has() {
    let review = review();
    let csv = review.csv();
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "\"app\",\"hosts\",\"callers\",\"methods\",\"paths\",\"rule\""
    );
    assert!(lines[2].contains("equals: \"\"=1|"), "{}", lines[2]);
    assert_eq!(
        super::render::csv_line(["=1+1".to_owned()].into_iter()),
        "\"'=1+1\""
    );
    let markdown = review.markdown();
    assert!(
        markdown.starts_with("| app | hosts | callers | methods | paths | rule |\n|---|---|"),
        "{markdown}"
    );
    assert!(markdown.contains("\\|"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&review.json()).unwrap();
    assert_eq!(json["access"][0]["entry"], 0);
    assert_eq!(json["access"][2]["callers"], "everybody");
    assert!(json["access"][0].get("requests").is_none());
}
