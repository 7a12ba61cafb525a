//! What `check` reads: several files, folders, manifests and standard input.

use super::{Folder, POLICY, texts};

/// A policy with this indentation.
fn indented(policy: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    policy
        .lines()
        .map(|line| format!("{pad}{line}\n"))
        .collect()
}

/// A WasmPlugin with the policy.
pub(super) fn wasm_plugin(policy: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: gate, namespace: istio-ingress}}\n\
         spec:\n  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: g}}]\n  phase: AUTHN\n  \
         failStrategy: FAIL_RELOAD\n  url: oci://registry.example.com/portcullis/filter@sha256:{}\n  pluginConfig:\n{}",
        "0".repeat(64),
        indented(policy, 4)
    )
}

#[test]
fn manifests_of_all_kinds_are_read_from_files_folders_and_standard_input() {
    let folder = Folder::new("check-inputs");
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: portcullis, namespace: portcullis}}\ndata:\n  portcullis.yaml: |\n{}",
        indented(POLICY, 4)
    );
    let service = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n";
    folder.file(
        "deploy/all.yaml",
        format!("{service}---\n{map}---\n{}", wasm_plugin(POLICY)),
    );
    folder.file("deploy/notes.txt", "not: read");
    folder.file(
        "values.yaml",
        format!("replicas: 2\npolicy:\n{}", indented(POLICY, 2)),
    );
    folder.file("portcullis.yaml", POLICY);
    let (code, stdout, stderr) = texts(&folder.portcullis(
        &["check", "deploy", "values.yaml", "portcullis.yaml", "-"],
        POLICY,
    ));
    assert_eq!((code, &*stderr), (Some(0), ""));
    let lines: Vec<&str> = stdout.lines().collect();
    let digest = lines[1];
    let summary = "valid: 1 trust entry, 1 app, 2 rules";
    let expected = [
        format!("deploy/all.yaml: document 2: ConfigMap portcullis/portcullis: {summary}"),
        format!("deploy/all.yaml: document 3: WasmPlugin istio-ingress/gate: {summary}"),
        format!("values.yaml: Helm values: {summary}"),
        format!("portcullis.yaml: {summary}"),
        format!("<stdin>: {summary}"),
    ];
    let expected: Vec<String> = expected
        .into_iter()
        .flat_map(|line| [line, digest.to_owned()])
        .chain(["1 other document without a policy".to_owned()])
        .collect();
    assert!(digest.starts_with("digest: "), "{stdout}");
    assert_eq!(lines, expected);
}

#[test]
fn all_errors_of_all_files_are_reported_at_once() {
    let folder = Folder::new("check-errors");
    let bad = POLICY
        .replace("hosts:", "host:")
        .replace("kind: kubernetes", "kind: k8s");
    folder.file("a.yaml", &bad);
    folder.file("b.yaml", format!("a: 1\n---\n{}", wasm_plugin(&bad)));
    folder.file("c.yaml", POLICY);
    folder.file("d.yaml", "a: [\n");
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "."], ""));
    assert_eq!((code, &*stdout), (Some(2), ""));
    let starts: Vec<&str> = stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    let expected = [
        "error: ./d.yaml:2:1: invalid YAML: ",
        "error: ./a.yaml:9:5: apps[0].host: unknown field `host`",
        "error: ./a.yaml:3:11: trust[0].kind: `k8s` is not a kind of trust entry",
        "error: ./b.yaml:20:9: document 2: spec.pluginConfig.apps[0].host: unknown field `host`",
        "error: ./b.yaml:14:15: document 2: spec.pluginConfig.trust[0].kind: `k8s` is not a kind of trust entry",
    ];
    assert_eq!(starts.len(), expected.len(), "{stderr}");
    for (line, start) in starts.iter().zip(expected) {
        assert!(line.starts_with(start), "{start}: {stderr}");
    }
    assert_eq!(stderr.matches("\nhelp: ").count(), 5, "{stderr}");
    assert!(stderr.ends_with("\n5 errors\n"), "{stderr}");
}

#[test]
fn a_folder_of_apps_is_one_policy() {
    let folder = Folder::new("check-folder");
    let (trust, apps) = POLICY.split_once("apps:\n").unwrap();
    folder.file("gate/portcullis.yaml", trust);
    folder.file(
        "gate/apps/monitoring/alertmanager.yaml",
        format!("apps:\n{apps}"),
    );
    folder.file("gate.yaml", POLICY);
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "gate", "gate.yaml"], ""));
    assert_eq!((code, &*stderr), (Some(0), ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(
        lines[0].starts_with("gate/portcullis.yaml: folder: valid: "),
        "{stdout}"
    );
    assert_eq!(lines[1], lines[3], "the same digest");
    let one = texts(&folder.portcullis(&["check", "--json", "gate"], ""));
    let other = texts(&folder.portcullis(&["check", "--json", "gate.yaml"], ""));
    assert_eq!(one, other);
}

#[test]
fn the_shipped_configurations_of_envoy_are_valid() {
    let folder = Folder::new("check-shipped");
    let envoy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../envoy");
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", envoy], ""));
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout.matches(": Envoy: valid: ").count(), 6, "{stdout}");
}

#[test]
fn no_policy_anywhere_is_an_error() {
    let folder = Folder::new("check-nothing");
    folder.file("a/b.yaml", "apiVersion: v1\nkind: Secret\n");
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "a"], ""));
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(
        stderr.starts_with("error: a: no policy found in 1 document\nhelp: "),
        "{stderr}"
    );
}
