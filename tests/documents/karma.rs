//! The example rules that let Karma poll, against what it requests.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_core::policy::Policy;
use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{karma, yaml};
use serde_json::{Value, json};

use crate::document::{Document, README};

/// The name of the rule in every example.
const RULE: &str = "karma-reads";

/// The YAML files in a folder and below it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
}

/// The rules of that name in a document, also in a policy that is a string.
fn rules(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            if value["name"] == RULE {
                found.push(value.clone());
            }
            members.values().for_each(|value| rules(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| rules(value, found)),
        Value::String(text) if text.contains(RULE) && text.contains('\n') => {
            rules(&yaml::read(text).expect("a policy in a string"), found);
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A policy with this rule alone.
fn policy(rule: &Value) -> Policy {
    let keys = json!({"envoy_cluster": "blue"});
    let policy = json!({
        "trust": [{
            "name": "blue",
            "kind": "kubernetes",
            "issuer": "https://kubernetes.example.com",
            "audiences": ["portcullis"],
            "keys": keys,
        }],
        "apps": [{"name": "alertmanager", "hosts": ["alertmanager.example.com"], "rules": [rule]}],
    });
    Policy::from_json(&policy.to_string()).expect("a policy")
}

#[test]
fn every_example_rule_lets_karma_poll_and_nothing_else() {
    let mut documents = vec![(
        README.to_owned(),
        Document::read(README).blocks("yaml").concat(),
    )];
    let mut found = Vec::new();
    for folder in ["envoy", "istio"] {
        files(&workspace().join(folder), &mut found);
    }
    for path in found {
        let text = fs::read_to_string(&path).expect("a file");
        // The chart's templates are no YAML. The manifests rendered from them are.
        if text.contains(RULE) && !text.contains("{{") {
            documents.push((path.display().to_string(), text));
        }
    }
    let mut count = 0;
    for (name, text) in documents {
        let mut found = Vec::new();
        for document in yaml::read_all(&text).expect("YAML") {
            rules(&document, &mut found);
        }
        for rule in &found {
            let policy = policy(rule);
            let rule = &policy.apps()[0].rules()[0];
            for path in karma::PATHS {
                assert!(rule.matches("GET", path), "{name}: {path}");
            }
            for (method, path) in [
                ("POST", "/api/v2/silences"),
                ("DELETE", "/api/v2/silence/1"),
                ("GET", "/-/reload"),
                ("GET", "/debug/pprof/heap"),
            ] {
                assert!(!rule.matches(method, path), "{name}: {method} {path}");
            }
        }
        count += found.len();
    }
    assert!(count >= 15, "{count} rules found");
}
