//! The files in `istio/`, and the changes that a test makes to them: addresses, paths and the module's URL.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::yaml;
use serde_json::{Value, json};

/// API groups of files that are not for the API server to store.
const CONFIGURATIONS: [&str; 3] = [
    "kubeadm.k8s.io/",
    "apiserver.config.k8s.io/",
    "kustomize.config.k8s.io/",
];

/// An object with the file that it is from.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) origin: String,
    pub(crate) object: Value,
}

/// The path of a file in `istio/`.
pub(crate) fn path(name: &str) -> PathBuf {
    workspace().join("istio").join(name)
}

/// The values for a chart in a file in `istio/`.
pub(crate) fn values(name: &str) -> Value {
    yaml::read(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The objects in a file in `istio/`, after replacements in their text.
pub(crate) fn objects(name: &str, replacements: &[(&str, &str)]) -> Vec<Value> {
    let text = replacements
        .iter()
        .fold(read(name), |text, (shipped, replacement)| {
            assert!(text.contains(shipped), "{name} does not contain {shipped}");
            text.replace(shipped, replacement)
        });
    let manifests = manifests(name, &text);
    manifests
        .into_iter()
        .map(|manifest| manifest.object)
        .collect()
}

/// All objects in `istio/`, without the chart's templates.
pub(crate) fn all() -> Vec<Manifest> {
    let mut files = Vec::new();
    collect(&workspace().join("istio"), &mut files);
    files.sort();
    let in_file = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        manifests(&file.display().to_string(), &text)
    };
    files.iter().flat_map(in_file).collect()
}

/// The objects in a text: documents with an `apiVersion` that the API server stores.
pub(crate) fn manifests(origin: &str, text: &str) -> Vec<Manifest> {
    let documents = yaml::read_all(text).unwrap_or_else(|error| panic!("{origin}: {error}"));
    let objects = documents.into_iter().filter(|document| {
        let version = document["apiVersion"].as_str().unwrap_or_default();
        !version.is_empty()
            && !CONFIGURATIONS
                .iter()
                .any(|group| version.starts_with(group))
    });
    objects
        .map(|object| Manifest {
            origin: origin.to_owned(),
            object,
        })
        .collect()
}

fn read(name: &str) -> String {
    let file = path(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() && !path.ends_with("chart") {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
}

/// A namespace.
pub(crate) fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}
