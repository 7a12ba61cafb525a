//! `portcullis diff`, as a pipeline runs it.

use serde_json::Value;

use crate::check::{Folder, texts};

const OLD: &str = "\
trust:
- {name: blue, kind: kubernetes, issuer: 'https://blue.example.com', audiences: [gate], keys: {envoy_cluster: blue}}
apps:
- name: alertmanager
  hosts: [alertmanager.example.com]
  rules:
  - name: karma
    methods: [GET]
    paths: [/api/v2/alerts]
    allow:
    - service_account: blue/monitoring/karma
";

/// The same policy, in another order and with another name, and with more in it.
fn new() -> String {
    OLD.replace("name: karma", "name: reads")
        .replace("paths: [/api/v2/alerts]", "paths: [/api/v2/**]")
        .replace("audiences: [gate]", "audiences: [gate, tools]")
}

fn diff(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    texts(&folder.portcullis(&[&["diff"], arguments].concat(), OLD))
}

#[test]
fn gains_and_losses_are_printed_with_examples() {
    let folder = Folder::new("diff");
    folder.file("old.yaml", OLD);
    folder.file("new.yaml", new());
    let (code, stdout, stderr) = diff(&folder, &["old.yaml", "new.yaml"]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert_eq!(
        stdout,
        "gained:
  alertmanager  GET  /api/v2/**  service_account: blue/monitoring/karma
      rule reads; GET https://alertmanager.example.com/api/v2 as blue/monitoring/karma
settings:
  trust.blue.audiences: `tools` is accepted (more)
"
    );
    let (_, stdout, _) = diff(&folder, &["new.yaml", "old.yaml"]);
    assert!(
        stdout.starts_with("lost:\n  alertmanager  GET  /api/v2/**  "),
        "{stdout}"
    );
    let (code, stdout, _) = diff(&folder, &["-", "old.yaml", "--fail-on", "any"]);
    assert_eq!((code, &*stdout), (Some(0), "access is the same\n"));
}

#[test]
fn a_pipeline_fails_for_more_access() {
    let folder = Folder::new("diff-fail");
    folder.file("old.yaml", OLD);
    folder.file("new.yaml", new());
    for (arguments, expected) in [
        (["old.yaml", "new.yaml", "--fail-on", "widened"], 2),
        (["new.yaml", "old.yaml", "--fail-on", "widened"], 0),
        (["new.yaml", "old.yaml", "--fail-on", "any"], 2),
        (["old.yaml", "old.yaml", "--fail-on", "any"], 0),
    ] {
        let (code, stdout, _) = diff(&folder, &arguments);
        assert_eq!(code, Some(expected), "{arguments:?}");
        assert!(!stdout.is_empty());
    }
    let (_, stdout, _) = diff(&folder, &["old.yaml", "new.yaml", "-o", "json"]);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["widened"], true);
    assert_eq!(
        json["gained"][0]["example"]["caller"],
        "blue/monitoring/karma"
    );
    let (_, stdout, _) = diff(&folder, &["old.yaml", "new.yaml", "-o", "github"]);
    assert!(
        stdout.contains("| `alertmanager` | `GET` | `/api/v2/**` |"),
        "{stdout}"
    );
}

#[test]
fn bad_input_is_an_error_with_its_place() {
    let folder = Folder::new("diff-bad");
    folder.file("old.yaml", OLD);
    folder.file("bad.yaml", OLD.replace("hosts:", "host:"));
    for (arguments, expected) in [
        (
            ["old.yaml", "missing.yaml"],
            "error: missing.yaml: can't be read: ",
        ),
        (
            ["old.yaml", "bad.yaml"],
            "error: bad.yaml:5:3: apps[0].host: unknown field",
        ),
        (
            ["-", "-"],
            "error: -: standard input is read for both policies",
        ),
    ] {
        let (code, stdout, stderr) = diff(&folder, &arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(expected), "{expected}\n---\n{stderr}");
        assert!(stderr.contains("\nhelp: "), "{stderr}");
    }
}
