//! The output formats of `check`, and its exit codes.

use serde_json::{Value, json};

use super::inputs::wasm_plugin;
use super::{Folder, POLICY, texts};

/// A WasmPlugin with two warnings.
fn careless() -> String {
    wasm_plugin(POLICY)
        .replace("FAIL_RELOAD", "FAIL_OPEN")
        .replace("phase: AUTHN", "phase: AUTHZ")
}

#[test]
fn warnings_are_failures_only_on_request() {
    let folder = Folder::new("check-warnings");
    folder.file("plugin.yaml", careless());
    folder.file("bad.yaml", POLICY.replace("hosts:", "host:"));
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "plugin.yaml"], ""));
    assert_eq!((code, stdout.lines().count()), (Some(0), 2), "{stderr}");
    assert_eq!(
        stderr.matches("warning: plugin.yaml:").count(),
        2,
        "{stderr}"
    );
    assert!(
        stderr.contains("7:17: spec.failStrategy: with FAIL_OPEN, EVERY REQUEST IS ALLOWED"),
        "{stderr}"
    );
    let strict = ["check", "--fail-on-warning", "plugin.yaml"];
    let (code, again, _) = texts(&folder.portcullis(&strict, ""));
    assert_eq!((code, again), (Some(3), stdout), "warnings alone");
    let (code, _, _) = texts(&folder.portcullis(&[&strict[..], &["bad.yaml"]].concat(), ""));
    assert_eq!(code, Some(2), "errors too");
    folder.file("good.yaml", wasm_plugin(POLICY));
    let (code, _, stderr) =
        texts(&folder.portcullis(&["check", "--fail-on-warning", "good.yaml"], ""));
    assert_eq!((code, &*stderr), (Some(0), ""));
}

#[test]
fn the_output_as_json_has_policies_errors_and_warnings() {
    let folder = Folder::new("check-json-output");
    folder.file("plugin.yaml", format!("a: 1\n---\n{}", careless()));
    folder.file("bad.yaml", POLICY.replace("hosts:", "host:"));
    let arguments = ["check", "-o", "json", "plugin.yaml", "bad.yaml"];
    let (code, stdout, stderr) = texts(&folder.portcullis(&arguments, ""));
    assert_eq!((code, &*stderr), (Some(2), ""));
    let output: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&output["version"], &output["files"], &output["others"]),
        (&json!(1), &json!(2), &json!(1))
    );
    let policy = &output["policies"][0];
    let digest = policy["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 64, "{digest}");
    assert_eq!(
        *policy,
        json!({"file": "plugin.yaml", "document": 2, "line": 11, "kind": "WasmPlugin", "name": "istio-ingress/gate",
               "digest": digest, "summary": "1 trust entry, 1 app, 2 rules", "open": []})
    );
    let error = json!({"file": "bad.yaml", "document": null, "line": 9, "column": 5, "path": "apps[0].host",
                       "message": "unknown field `host`", "help": "did you mean `hosts`?"});
    assert_eq!(output["errors"], json!([error]));
    let warnings = output["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{output}");
    assert_eq!(
        (&warnings[0]["path"], &warnings[0]["line"]),
        (&json!("spec.failStrategy"), &json!(9))
    );
    // Without errors, the exit code is that of the warnings.
    let arguments = ["check", "-o", "json", "--fail-on-warning", "plugin.yaml"];
    let (code, stdout, _) = texts(&folder.portcullis(&arguments, ""));
    let output: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &output["errors"]), (Some(3), &json!([])));
}

#[test]
fn an_app_whose_refusals_are_only_reported_is_named() {
    let folder = Folder::new("check-open");
    let name = POLICY.lines().find(|line| line.contains("hosts:"));
    let hosts = name.expect("an app");
    let with = |until: &str| POLICY.replace(hosts, &format!("{hosts}\n    report_until: {until}"));
    folder.file("open.yaml", with("2999-01-01T00:00:00Z"));
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "open.yaml"], ""));
    assert_eq!(code, Some(0), "{stderr}");
    let open = "OPEN until 2999-01-01T00:00:00Z";
    assert!(stdout.contains(open), "{stdout}");
    assert!(stderr.contains("is more than 90 days ahead"), "{stderr}");
    let json = ["check", "-o", "json", "open.yaml"];
    let (_, output, _) = texts(&folder.portcullis(&json, ""));
    let output: Value = serde_json::from_str(&output).unwrap();
    let open = &output["policies"][0]["open"][0];
    assert_eq!(open["until"], "2999-01-01T00:00:00Z", "{output}");
    folder.file("past.yaml", with("2001-01-01T00:00:00Z"));
    let strict = ["check", "--fail-on-warning", "past.yaml"];
    let (code, stdout, stderr) = texts(&folder.portcullis(&strict, ""));
    assert_eq!(code, Some(3), "{stdout}");
    assert!(!stdout.contains("OPEN"), "{stdout}");
    assert!(
        stderr.contains("is in the past, so it has no effect; help: remove it"),
        "{stderr}"
    );
}

#[test]
fn the_output_for_github_annotates_lines() {
    let folder = Folder::new("check-github");
    folder.file("plugin.yaml", careless());
    folder.file("bad.yaml", POLICY.replace("hosts:", "host:"));
    let arguments = ["check", "-o", "github", "plugin.yaml", "bad.yaml"];
    let (code, stdout, stderr) = texts(&folder.portcullis(&arguments, ""));
    assert_eq!((code, &*stderr), (Some(2), ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[0],
        "::error file=bad.yaml,line=9,col=5::apps[0].host: unknown field `host`%0Ahelp: did you mean `hosts`?"
    );
    assert!(
        lines[1].starts_with(
            "::warning file=plugin.yaml,line=7,col=17::spec.failStrategy: with FAIL_OPEN"
        ),
        "{stdout}"
    );
    assert_eq!(lines.len(), 5, "{stdout}");
}

#[test]
fn the_json_of_a_policy_is_that_of_the_only_one() {
    let folder = Folder::new("check-only");
    folder.file("policy.yaml", POLICY);
    folder.file("plugin.yaml", wasm_plugin(POLICY));
    let json = |file| texts(&folder.portcullis(&["check", "--json", file], ""));
    assert_eq!(json("policy.yaml"), json("plugin.yaml"));
    let (code, stdout, stderr) = json(".");
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(
        stderr.contains("`--json` prints one policy, and there are 2\nhelp: "),
        "{stderr}"
    );
}
