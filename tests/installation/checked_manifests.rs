//! The manifests, as `portcullis check` reads them.

use std::collections::BTreeSet;
use std::process::Command;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::tools;
use serde_json::{Value, json};

use crate::documents;

/// The folders and files with policies, and `envoy/`, whose bootstraps have them too.
const PATHS: [&str; 5] = [
    "envoy",
    "istio/mesh",
    "istio/envoy-gateway",
    "istio/companion",
    "istio/chart/values.yaml",
];

#[test]
fn the_command_accepts_every_policy_of_the_manifests() {
    let mut command = Command::new(tools::companion());
    command
        .current_dir(workspace())
        .args(["check", "-o", "json"]);
    let output = command.args(PATHS).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(report["errors"], json!([]), "{text}");
    assert!(output.status.success(), "{text}");

    let policies = report["policies"].as_array().expect("a list");
    let files = policies.iter().filter_map(|policy| policy["file"].as_str());
    let files: BTreeSet<&str> = files.collect();
    for folder in ["istio/mesh", "istio/envoy-gateway"] {
        for object in documents::of_folder(folder) {
            let has_policy = matches!(
                object.kind(),
                "WasmPlugin" | "TrafficExtension" | "EnvoyExtensionPolicy"
            );
            assert!(
                !has_policy || files.contains(object.file.as_str()),
                "{} is not in {files:?}",
                object.file
            );
        }
    }
}
