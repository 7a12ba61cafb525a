//! `portcullis check`, as operators and CI pipelines run it.

mod inputs;
mod outputs;
mod teams;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_core::policy::Policy;

pub(crate) const POLICY: &str = "\
trust:
  - name: staging
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: k8s-staging}
apps:
  - name: alertmanager
    hosts: [alertmanager.example.com]
    rules:
      - name: karma-polls
        allow:
          - service_account: staging/monitoring/karma
      - name: probes
        paths: [/-/healthy]
        public: true
";

/// A folder that is removed at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        // Tests may give the same name.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub(crate) fn portcullis(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may exit before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn texts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_valid_policy_is_summarized_with_its_digest() {
    let folder = Folder::new("check-valid");
    folder.file("portcullis.yaml", POLICY);
    let (code, stdout, stderr) = texts(&folder.portcullis(&["check", "portcullis.yaml"], ""));
    let json = folder.portcullis(&["check", "--json", "portcullis.yaml"], "");
    let policy = Policy::from_json(&String::from_utf8(json.stdout).unwrap()).unwrap();
    let digest = policy.digest();
    assert_eq!(
        stdout,
        format!("portcullis.yaml: valid: 1 trust entry, 1 app, 2 rules\ndigest: {digest}\n")
    );
    assert_eq!((code, &*stderr), (Some(0), ""));
    let (code, stdout, _) = texts(&folder.portcullis(&["check", "-"], POLICY));
    assert_eq!(
        stdout,
        format!("<stdin>: valid: 1 trust entry, 1 app, 2 rules\ndigest: {digest}\n")
    );
    assert_eq!(code, Some(0));
}

#[test]
fn the_json_output_is_an_equal_policy() {
    let folder = Folder::new("check-json");
    folder.file("portcullis.yaml", POLICY);
    let printed = folder.portcullis(&["check", "--json", "portcullis.yaml"], "");
    let (code, json, stderr) = texts(&printed);
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert_eq!(json.lines().count(), 1, "{json}");
    let policy = Policy::from_json(&json).unwrap();
    let rules: Vec<&str> = policy.apps()[0]
        .rules()
        .iter()
        .map(|rule| rule.name())
        .collect();
    assert_eq!(rules, ["karma-polls", "probes"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["apps"][0]["rules"][1]["public"], true);
    let again = folder.portcullis(&["check", "--json", "-"], &json);
    assert_eq!(texts(&again).1, json);
}

#[test]
fn a_typo_is_reported_with_its_line_and_help() {
    let folder = Folder::new("check-typo");
    let allow = "          - from: staging\n            gruop: sre\n";
    let entry = "          - service_account: staging/monitoring/karma\n";
    folder.file("portcullis.yaml", POLICY.replace(entry, allow));
    for arguments in [
        &["check", "portcullis.yaml"][..],
        &["check", "--json", "portcullis.yaml"],
    ] {
        let (code, stdout, stderr) = texts(&folder.portcullis(arguments, ""));
        let expected = "\
error: portcullis.yaml:14:13: apps[0].rules[0].allow[0].gruop: unknown field `gruop`
   14 |             gruop: sre
      |             ^^^^^
help: did you mean `group`?
";
        assert_eq!((code, &*stdout, &*stderr), (Some(2), "", expected));
    }
}

#[test]
fn unreadable_input_is_an_error_with_help() {
    let folder = Folder::new("check-unreadable");
    folder.file("empty.yaml", "");
    folder.file("latin.yaml", b"name: caf\xe9\n");
    folder.file("big.yaml", " ".repeat(17 << 20));
    folder.file("two.yaml", "a: 1\n---\nb: 2\n");
    for (file, location, problem) in [
        ("missing.yaml", "", "can't be read: "),
        ("empty.yaml", "", "the file is empty"),
        ("big.yaml", "", "larger than 16 MiB"),
        ("latin.yaml", "1:10:", "not UTF-8"),
        ("two.yaml", "", "no policy found in 2 documents"),
    ] {
        let (code, stdout, stderr) = texts(&folder.portcullis(&["check", file], ""));
        assert_eq!((code, &*stdout), (Some(2), ""), "{file}");
        let start = format!("error: {file}:{location} {problem}");
        assert!(stderr.starts_with(&start), "{file}: {stderr}");
        assert!(stderr.contains("\nhelp: "), "{file}: {stderr}");
    }
}

#[test]
fn a_usage_error_has_another_exit_code_than_an_invalid_policy() {
    let folder = Folder::new("check-usage");
    for arguments in [
        &[][..],
        &["check"],
        &["check", "--jsn", "a"],
        &["chekc", "a"],
        &["check", "--json", "-o", "json", "a"],
    ] {
        let (code, stdout, stderr) = texts(&folder.portcullis(arguments, ""));
        assert_eq!((code, &*stdout), (Some(1), ""), "{arguments:?}");
        assert!(
            stderr.contains("Usage: portcullis"),
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn the_help_explains_the_usage() {
    let folder = Folder::new("check-help");
    let (code, stdout, _) = texts(&folder.portcullis(&["check", "--help"], ""));
    assert_eq!(code, Some(0));
    for text in [
        "service_account: staging/monitoring/karma",
        "Exit codes:",
        "--json",
        "`-` reads",
    ] {
        assert!(stdout.contains(text), "{text}: {stdout}");
    }
}

#[test]
fn numbers_that_envoys_yaml_parser_changes_are_warnings_of_check_and_not_with_json() {
    let folder = Folder::new("numbers");
    let claim = "          - {service_account: staging/monitoring/karma, claim: {path: [uid], equals: 4294967296}}\n";
    let policy = POLICY.replace(
        "          - service_account: staging/monitoring/karma\n",
        claim,
    );
    folder.file("portcullis.yaml", &policy);
    let output = folder.portcullis(&["check", "portcullis.yaml"], "");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let warning =
        "warning: portcullis.yaml: line 13: Envoy's YAML parser turns the number `4294967296`";
    assert!(errors.starts_with(warning), "{errors}");
    let output = folder.portcullis(&["check", "--json", "portcullis.yaml"], "");
    assert!(output.status.success() && output.stderr.is_empty());
}
