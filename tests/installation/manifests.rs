//! `istio/companion`: the chart, rendered, and a kustomization over it.

use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_tests::lab::folder::workspace;
use portcullis_tests::lab::{tools, yaml};
use serde_json::Value;

use crate::{generated, helm, kubeconform};

/// Each folder with rendered manifests, and its files of values.
pub(crate) fn folders() -> [(PathBuf, Vec<PathBuf>); 2] {
    let base = workspace().join("istio/companion");
    let redis = base.join("redis");
    let [first, second] = [base.join("values.yaml"), redis.join("values.yaml")];
    [(base, vec![first.clone()]), (redis, vec![first, second])]
}

fn build(folder: &Path) -> Vec<Value> {
    let output = Command::new(tools::kustomize())
        .arg("build")
        .arg(folder)
        .output()
        .expect("kustomize runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", folder.display());
    let text = String::from_utf8(output.stdout).expect("text");
    kubeconform::check_text(&text)
        .unwrap_or_else(|report| panic!("{}: {report}", folder.display()));
    yaml::read_all(&text).expect("YAML")
}

/// Helm's own labels and annotations do not matter to Kubernetes, so only the order differs.
fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| {
        (
            object["kind"].to_string(),
            object["metadata"]["name"].to_string(),
        )
    });
    objects
}

#[test]
fn generated_manifests_are_what_the_chart_renders() {
    for (folder, values) in folders() {
        let values: Vec<&Path> = values.iter().map(PathBuf::as_path).collect();
        let release = helm::render(&values).expect("a release");
        generated::hold(&folder.join("manifests.yaml"), release.text());
    }
}

#[test]
fn kustomize_builds_the_same_objects() {
    for (folder, _) in folders() {
        let text = std::fs::read_to_string(folder.join("manifests.yaml")).expect("manifests");
        let manifests = sorted(yaml::read_all(&text).expect("YAML"));
        let built = sorted(build(&folder));
        assert_eq!(built.len(), manifests.len(), "{}", folder.display());
        for (built, manifest) in built.iter().zip(&manifests) {
            assert_eq!(built, manifest, "{}", folder.display());
        }
    }
}
