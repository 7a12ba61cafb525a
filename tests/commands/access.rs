//! `portcullis access`, as a reviewer runs it.

use serde_json::Value;

use crate::check::{Folder, texts};

const POLICY: &str = "\
trust:
- {name: blue, kind: kubernetes, issuer: 'https://blue.example.com', audiences: [gate], keys: {envoy_cluster: blue}}
apps:
- name: alertmanager
  hosts: [alertmanager.example.com]
  rules:
  - name: karma
    methods: [GET]
    paths: [/api/v2/**]
    allow:
    - service_account: blue/monitoring/karma
    - service_account: blue/monitoring/grafana
";

/// Lines of a proxy's log: one record behind a prefix, one in an access log, and others.
const LOG: &str = "\
[2026-11-30 10:00:00.000][1][info][wasm] wasm log portcullis: {\"audit\":\"portcullis.decision.v1\",\"time\":\"2026-11-30T10:00:00.000Z\",\"decision\":\"allowed\",\"reason\":\"rule\",\"app\":\"alertmanager\",\"rule\":\"karma\",\"allow\":\"allow[0]\",\"caller\":\"blue/monitoring/karma\"}
{\"status\":200,\"audit\":\"{\\\"audit\\\":\\\"portcullis.decision.v1\\\",\\\"time\\\":\\\"2026-11-30T11:00:00.000Z\\\",\\\"decision\\\":\\\"allowed\\\",\\\"app\\\":\\\"alertmanager\\\",\\\"rule\\\":\\\"karma\\\",\\\"allow\\\":\\\"allow[0]\\\",\\\"caller\\\":\\\"blue/monitoring/karma\\\"}\"}
something else
";

fn access(folder: &Folder, arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    texts(&folder.portcullis(&[&["access"], arguments].concat(), stdin))
}

#[test]
fn the_review_has_a_row_for_each_entry_and_its_last_use() {
    let folder = Folder::new("access");
    folder.file("portcullis.yaml", POLICY);
    let (code, stdout, stderr) = access(&folder, &["portcullis.yaml", "--seen", "-"], LOG);
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert_eq!(
        stdout,
        "alertmanager (alertmanager.example.com)
  service_account: blue/monitoring/karma: GET /api/v2/**
      rule karma; 2 requests, last 2026-11-30T11:00:00.000Z by blue/monitoring/karma
  service_account: blue/monitoring/grafana: GET /api/v2/**
      rule karma; not used in the log
"
    );
    let (_, stdout, _) = access(&folder, &["portcullis.yaml", "-o", "csv"], "");
    assert_eq!(stdout.lines().count(), 3);
    let (_, stdout, _) = access(&folder, &["portcullis.yaml", "-o", "markdown"], "");
    assert!(
        stdout.contains("| `service_account: blue/monitoring/karma` | `GET` |"),
        "{stdout}"
    );
    let (_, stdout, _) = access(&folder, &["-", "-o", "json"], POLICY);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&json["version"], json["access"].as_array().unwrap().len()),
        (&Value::from(1), 2)
    );
}

#[test]
fn bad_input_is_an_error_with_its_place() {
    let folder = Folder::new("access-bad");
    folder.file("portcullis.yaml", POLICY);
    for (arguments, expected) in [
        (
            &["missing.yaml"][..],
            "error: missing.yaml: can't be read: ",
        ),
        (
            &["portcullis.yaml", "--seen", "missing.log"],
            "error: missing.log: can't be read: ",
        ),
        (
            &["-", "--seen", "-"],
            "error: -: standard input is read for several inputs",
        ),
    ] {
        let (code, stdout, stderr) = access(&folder, arguments, "");
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(expected), "{expected}\n---\n{stderr}");
        assert!(stderr.contains("\nhelp: "), "{stderr}");
    }
}
