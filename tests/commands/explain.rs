//! `portcullis explain`, as an operator runs it in an incident.

mod audit;
mod callers;
mod errors;
mod keys;
mod snapshots;

use serde_json::Value;

use crate::check::{Folder, texts};

/// When requests arrive.
const AT: &str = "2027-01-31T00:00:00Z";

const POLICY: &str = "\
trust:
  - name: staging
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: k8s-staging}
  - name: gitlab
    kind: oidc
    issuer: https://gitlab.example.com
    audiences: [portcullis]
    algorithms: [RS256]
    claims: {groups: [realm, groups]}
    keys: {envoy_cluster: gitlab}
sso: {url: https://auth.example.com, envoy_cluster: portcullis}
apps:
  - name: alertmanager
    hosts: [alertmanager.example.com]
    rules:
      - name: karma-polls
        methods: [GET, HEAD]
        paths: [/api/v2/**, /metrics]
        allow:
          - service_account: staging/monitoring/karma
      - name: operators
        allow:
          - {from: sso, group: sre}
          - {from: sso, email: ada@example.com}
          - {from: gitlab, group: sre}
      - name: probes
        paths: [/-/healthy]
        public: true
  - name: prometheus
    hosts: [prometheus.example.com]
    audiences: [prometheus]
    rules:
      - name: pods
        allow:
          - {service_account: staging/*/grafana, claim: {path: [kubernetes.io, pod, name], equals: grafana-0}}
          - {from: sso, claim: {path: [department], equals: 7}}
";

/// A folder with the policy.
fn folder() -> Folder {
    let folder = Folder::new("explain");
    folder.file("portcullis.yaml", POLICY);
    folder
}

/// The exit code and the JSON of an explanation by the policy.
fn explain(folder: &Folder, arguments: &[&str]) -> (Option<i32>, Value) {
    let all = [
        &["explain", "portcullis.yaml", "-o", "json", "--at", AT],
        arguments,
    ]
    .concat();
    let (code, output, stderr) = texts(&folder.portcullis(&all, ""));
    assert_eq!(stderr, "", "{arguments:?}");
    let json = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"));
    (code, json)
}

/// The decision and the reason, and that the exit code agrees.
fn decided(folder: &Folder, arguments: &[&str]) -> String {
    let (code, json) = explain(folder, arguments);
    let decision = json["decision"].as_str().unwrap();
    let expected = if decision == "allowed" { 0 } else { 2 };
    assert_eq!(code, Some(expected), "{arguments:?}");
    format!("{decision} {}", json["reason"].as_str().unwrap())
}
