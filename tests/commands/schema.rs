//! `portcullis schema`, for editors, Helm and other validators.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use portcullis_core::policy::Policy;
use portcullis_tests::lab::yaml;
use serde_json::Value;

use crate::check::{Folder, POLICY, texts};

fn schema(kind: &str) -> Value {
    let folder = Folder::new(&format!("schema-{kind}"));
    let (code, stdout, stderr) = texts(&folder.portcullis(&["schema", kind], ""));
    assert_eq!((code, &*stderr), (Some(0), ""), "{kind}");
    assert_eq!(
        texts(&folder.portcullis(&["schema", kind], "")).1,
        stdout,
        "{kind}: the same output"
    );
    serde_json::from_str(&stdout).unwrap()
}

fn validator(kind: &str) -> Validator {
    jsonschema::validator_for(&schema(kind)).unwrap()
}

/// Every policy in a value: each mapping with `apps`.
fn policies(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) if members.contains_key("apps") => found.push(value.clone()),
        Value::Object(members) => members.values().for_each(|value| policies(value, found)),
        Value::Array(elements) => elements.iter().for_each(|value| policies(value, found)),
        _ => {}
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_policies_of_the_examples_are_valid() {
    let validator = validator("policy");
    let mut found = vec![yaml::read(POLICY).unwrap()];
    for file in ["envoy/gateway.yaml", "envoy/minimal.yaml"] {
        let text = fs::read_to_string(workspace().join(file)).unwrap();
        policies(&yaml::read(&text).unwrap(), &mut found);
    }
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let blocks = readme.split("```yaml\n").skip(1);
    for block in blocks.filter_map(|rest| rest.split("```").next()) {
        policies(&yaml::read(block).unwrap(), &mut found);
    }
    assert!(found.len() >= 4, "{}", found.len());
    for policy in found {
        Policy::from_json(&policy.to_string()).unwrap();
        validator
            .validate(&policy)
            .unwrap_or_else(|error| panic!("{error}: {policy}"));
    }
}

#[test]
fn a_typo_is_refused_by_the_schema_and_by_check() {
    let validator = validator("policy");
    let folder = Folder::new("schema-typos");
    for (piece, other) in [
        ("hosts:", "host:"),
        ("kind: kubernetes", "kind: k8s"),
        ("paths: [/-/healthy]", "paths: []"),
        ("public: true", "public: 1"),
        ("name: probes", "name: Probes"),
        ("    audiences: [portcullis]\n", ""),
    ] {
        let text = POLICY.replace(piece, other);
        assert_ne!(text, POLICY);
        assert!(!validator.is_valid(&yaml::read(&text).unwrap()), "{other}");
        assert_eq!(
            texts(&folder.portcullis(&["check", "-"], &text)).0,
            Some(2),
            "{other}"
        );
    }
}

#[test]
fn the_configuration_in_the_reference_is_valid() {
    let validator = validator("companion");
    let reference = fs::read_to_string(workspace().join("src/companion/README.md")).unwrap();
    let mut blocks = reference
        .split("```yaml\n")
        .filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.starts_with("url: ")).unwrap();
    let configuration = yaml::read(block).unwrap();
    validator
        .validate(&configuration)
        .unwrap_or_else(|error| panic!("{error}"));
    let typo = yaml::read(&block.replace("client_id:", "clientid:")).unwrap();
    assert!(!validator.is_valid(&typo));
}

#[test]
fn the_test_file_of_the_gateway_is_valid() {
    let validator = validator("test");
    let text = fs::read_to_string(workspace().join("tests/commands/gateway-test.yaml")).unwrap();
    let file = yaml::read(&text).unwrap();
    validator
        .validate(&file)
        .unwrap_or_else(|error| panic!("{error}"));
    let typo = yaml::read(&text.replace("expect:", "expects:")).unwrap();
    assert!(!validator.is_valid(&typo));
}

#[test]
fn an_unknown_kind_is_a_usage_error() {
    let folder = Folder::new("schema-unknown");
    let (code, stdout, stderr) = texts(&folder.portcullis(&["schema", "values"], ""));
    assert_eq!((code, &*stdout), (Some(1), ""));
    assert!(
        stderr.contains("[possible values: policy, companion, attach, test]"),
        "{stderr}"
    );
}
