//! kubeconform, offline and strict: an unknown field, a duplicate key or a kind without a schema is an error.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use portcullis_tests::lab::tools;

use crate::schemas;

/// Checks all objects of a text in YAML.
///
/// # Errors
/// What kubeconform says.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    run(&["-"], text)
}

/// Checks files, and all YAML files of folders.
///
/// # Errors
/// What kubeconform says.
pub(crate) fn check(paths: &[PathBuf]) -> Result<(), String> {
    let paths: Vec<&str> = paths
        .iter()
        .map(|path| path.to_str().expect("text"))
        .collect();
    run(&paths, "")
}

fn run(arguments: &[&str], input: &str) -> Result<(), String> {
    let kubernetes = tools::schemas().join("kubernetes/{{.ResourceKind}}{{.KindSuffix}}.json");
    let custom = schemas::of_custom_resources()
        .join("{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
    let mut command = Command::new(tools::kubeconform());
    command.args(["-strict", "-summary"]);
    for location in [kubernetes, custom] {
        command.arg("-schema-location").arg(location);
    }
    let child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = child.spawn().expect("kubeconform runs");
    let mut standard_input = child.stdin.take().expect("its standard input");
    standard_input
        .write_all(input.as_bytes())
        .expect("it is read");
    drop(standard_input);
    let output = child.wait_with_output().expect("it ends");
    let report = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    if !output.status.success() {
        return Err(report);
    }
    // Without an object, nothing was checked.
    if report.contains("Summary: 0 resource") {
        return Err(format!("no object found: {report}"));
    }
    Ok(())
}

#[test]
fn mistakes_are_found() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {}\n  template: {}\n";
    check_text(deployment).expect("a valid object");
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {hostnames: [a.example.com]}\n";
    check_text(route).expect("a valid object");
    for (wrong, expected) in [
        (deployment.replace("selector:", "selektor:"), "selektor"),
        (
            deployment.replace("  template: {}", "  replicas: many\n  template: {}"),
            "replicas",
        ),
        (
            deployment.replace("metadata:", "kind: Deployment\nmetadata:"),
            "already set",
        ),
        (route.replace("hostnames:", "hostname:"), "hostname"),
        (
            route.replace("HTTPRoute", "HTTPRoutes"),
            "could not find schema",
        ),
        (String::new(), "no object found"),
    ] {
        let report = check_text(&wrong).expect_err(&wrong);
        assert!(report.contains(expected), "{expected}: {report}");
    }
}
