//! Every YAML file of the project is loaded by the program that it is for, or checked with its schema.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;
use serde_json::json;

use crate::{helm, kubeconform, manifests};

/// Folders without files of the project.
const SKIPPED: [&str; 4] = [".git", ".tools", "node_modules", "target"];

/// Kinds that no API server stores, so that there is no schema.
const WITHOUT_SCHEMA: [&str; 2] = ["apiserver.config.k8s.io/", "kubeadm.k8s.io/"];

/// Files that another test program loads: the beginning of their paths, and a source that names each of them.
const LOADED_BY: [(&str, &str); 12] = [
    (".github/workflows/", "tests/installation/workflows.rs"),
    ("envoy/", "tests/gate/envoy_files.rs"),
    (
        "istio/cluster/authentication.yaml",
        "tests/installation/clusters.rs",
    ),
    ("istio/cluster/kube", "tests/installation/clusters.rs"),
    (
        "istio/envoy-gateway/companion-values.yaml",
        "tests/installation/plugins.rs",
    ),
    (
        "istio/mesh/companion-values.yaml",
        "tests/installation/plugins.rs",
    ),
    (
        "istio/mesh/istiod-values.yaml",
        "tests/installation/telemetry.rs",
    ),
    (
        "tests/commands/import/",
        "tests/commands/import/snapshots.rs",
    ),
    (
        "tests/commands/gateway-test.yaml",
        "tests/commands/test_command.rs",
    ),
    ("tests/monitoring/rules/", "tests/monitoring/alerts.rs"),
    ("tests/fuzz/corpus/", "tests/fuzz/Cargo.toml"),
    (
        "tests/proxies/traefik.yaml",
        "tests/people/forward_auth/files.rs",
    ),
];

/// What loads a file.
#[derive(Debug, PartialEq)]
enum Loader {
    /// Helm, as a file of the chart or of values for it.
    Helm,
    /// kubeconform.
    Kubeconform,
    /// kustomize.
    Kustomize,
    /// The test in this source.
    Test(&'static str),
}

/// All YAML files, as paths below the workspace.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    find(&workspace(), &mut files);
    let names = files
        .iter()
        .map(|file| file.strip_prefix(workspace()).expect("a path below it"));
    let mut names: Vec<String> = names
        .map(|name| name.to_str().expect("text").to_owned())
        .collect();
    names.sort();
    names
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("text");
        if path.is_dir() {
            if !SKIPPED.contains(&name) {
                find(&path, files);
            }
        } else if [".yaml", ".yml"]
            .iter()
            .any(|ending| name.ends_with(ending))
        {
            files.push(path);
        }
    }
}

/// What loads this file; `None` if nothing does.
fn loader(file: &str) -> Option<Loader> {
    if let Some((_, source)) = LOADED_BY.iter().find(|(start, _)| file.starts_with(start)) {
        return Some(Loader::Test(source));
    }
    let name = file.rsplit('/').next()?;
    if file.starts_with("istio/chart/") || name == "everything.yaml" || is_values(file) {
        return Some(Loader::Helm);
    }
    if name == "kustomization.yaml" {
        return Some(Loader::Kustomize);
    }
    let text = fs::read_to_string(workspace().join(file)).ok()?;
    let documents = yaml::read_all(&text).ok()?;
    let mut documents = documents
        .iter()
        .filter(|document| !document.is_null())
        .peekable();
    documents.peek()?;
    let is_object = documents.all(|document| {
        let version = document["apiVersion"].as_str().unwrap_or_default();
        document["kind"].is_string()
            && !version.is_empty()
            && !WITHOUT_SCHEMA
                .iter()
                .any(|group| version.starts_with(group))
    });
    is_object.then_some(Loader::Kubeconform)
}

fn is_values(file: &str) -> bool {
    let path = workspace().join(file);
    manifests::folders()
        .iter()
        .any(|(_, values)| values.contains(&path))
}

#[test]
fn every_file_is_loaded() {
    let files = files();
    assert!(files.len() > 30, "{files:?}");
    let chart = helm::render(&[&helm::everything()]).expect("a release");
    let example: Vec<PathBuf> = manifests::folders()[0].1.clone();
    let example = helm::render(&[&example[0]]).expect("a release");
    let mut objects = Vec::new();
    for file in &files {
        let path = workspace().join(file);
        let folder = path.parent().expect("a folder");
        match loader(file) {
            None => panic!(
                "{file}: no program loads it: test it, and name it in tests/installation/yaml_files.rs"
            ),
            Some(Loader::Kubeconform) => objects.push(path),
            // The tests of `manifests` build each of these.
            Some(Loader::Kustomize) => {
                assert!(
                    manifests::folders()
                        .iter()
                        .any(|(known, _)| known == folder),
                    "{file}"
                );
            }
            // A template that renders nothing would not be tested.
            Some(Loader::Helm) if file.starts_with("istio/chart/templates/") => {
                let template = file.trim_start_matches("istio/chart/");
                let source = format!("# Source: portcullis/{template}\n");
                assert!(
                    chart.text().contains(&source) || example.text().contains(&source),
                    "{file}"
                );
            }
            // Loaded by the releases above.
            Some(Loader::Helm) => {}
            Some(Loader::Test(source)) => {
                let text = fs::read_to_string(workspace().join(source)).expect(source);
                let name = file.rsplit('/').next().expect("a name");
                let in_folder = folder
                    .file_name()
                    .and_then(|name| name.to_str())
                    .expect("text");
                assert!(
                    text.contains(name) || text.contains(in_folder),
                    "{source} does not name {file}"
                );
            }
        }
    }
    kubeconform::check(&objects).unwrap_or_else(|report| panic!("{report}"));
}

#[test]
fn a_file_that_nothing_loads_is_found() {
    let folder = portcullis_tests::lab::folder::fresh("unknown");
    let file = folder.join("unknown.yaml");
    let name = || {
        file.strip_prefix(workspace())
            .expect("a path below it")
            .to_str()
            .expect("text")
            .to_owned()
    };
    for (text, expected) in [
        (json!({"a": 1}), None),
        (
            json!({"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration"}),
            None,
        ),
        (
            json!({"apiVersion": "v1", "kind": "Service"}),
            Some(Loader::Kubeconform),
        ),
    ] {
        fs::write(&file, text.to_string()).expect("a file");
        assert_eq!(loader(&name()), expected, "{text}");
    }
}
