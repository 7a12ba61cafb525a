use clap::Parser;

use super::*;
use crate::manifests::Found;
use crate::manifests::Warning;

const POLICY: &str = "\
trust:
- name: blue
  kind: kubernetes
  issuer: https://blue.example.com
  audiences: [portcullis]
  keys: {envoy_cluster: blue}
apps:
- name: alertmanager
  hosts: [alertmanager.example.com, '*.alerts.example.com']
  rules:
  - name: polls
    paths: [/**]
    allow:
    - service_account: '*/monitoring/karma'
    - {from: blue, claim: {path: [kubernetes.io, pod, 'name'], equals: '012'}}
    - {from: blue, claim: {path: ['on'], equals: 2026}}
max_token: 8192
";

const IMAGE: &str = "registry.example.com:5000/portcullis/filter:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// A file that is removed at the end of the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("portcullis-render-{name}-{}.yaml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    /// The output for it, or the exit code and the message.
    fn render(&self, arguments: &[&str]) -> Result<String, (u8, String)> {
        let file = self.0.to_str().unwrap();
        let line = Line::parse_from([&["render", file, "--as"], arguments].concat());
        run(&line.arguments).map_err(|failure| (failure.exit_code, failure.message))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn every_kind_is_read_again_with_the_same_policy_and_without_warnings() {
    let policy = File::new("kinds", POLICY);
    let json = policy.render(&["json"]).unwrap();
    let gateway = [
        "--gateway",
        "g",
        "--namespace",
        "istio-ingress",
        "--image",
        IMAGE,
    ];
    let service = ["--target-ref", "Service/shop", "--image", IMAGE];
    let sidecar = ["--selector", "app=shop", "--image", IMAGE];
    let pod = ["--selector", "istio=ingressgateway", "--image", IMAGE];
    for (kind, flags) in [
        ("json", &[][..]),
        ("configmap", &["--name", "gate"]),
        ("wasmplugin", &gateway),
        ("wasmplugin", &service),
        ("wasmplugin", &sidecar),
        ("wasmplugin", &pod),
        ("trafficextension", &gateway),
        ("trafficextension", &sidecar),
        ("envoyextensionpolicy", &gateway),
    ] {
        let flags = [&[kind], flags].concat();
        let text = policy.render(&flags).unwrap();
        assert_eq!(policy.render(&flags).unwrap(), text, "deterministic");
        let again = File::new("again", &text);
        assert_eq!(again.render(&["json"]).unwrap(), json, "{text}");
        let found = Found::read(std::slice::from_ref(&again.0));
        let warnings: Vec<String> = found.warnings.iter().map(Warning::to_string).collect();
        assert!(warnings.is_empty(), "{warnings:?} {text}");
    }
}

#[test]
fn a_plugin_fails_closed_before_all_other_filters_and_has_an_image_by_digest() {
    let policy = File::new("plugin", POLICY);
    let flags = [
        "--gateway",
        "g",
        "--namespace",
        "istio-ingress",
        "--image",
        IMAGE,
    ];
    let text = policy
        .render(&[&["wasmplugin"], &flags[..]].concat())
        .unwrap();
    let head = "\
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: portcullis
  namespace: istio-ingress
spec:
  targetRefs:
  - group: gateway.networking.k8s.io
    kind: Gateway
    name: g
  phase: AUTHN
  url: oci://registry.example.com:5000/portcullis/filter:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  pluginName: portcullis
  failStrategy: FAIL_RELOAD
  pluginConfig:
    trust:
    - name: blue
";
    assert!(text.starts_with(head), "{text}");
    let text = policy
        .render(&[&["envoyextensionpolicy"], &flags[..]].concat())
        .unwrap();
    assert!(text.contains("    failOpen: false\n"), "{text}");
    let sidecar = ["wasmplugin", "--selector", "app=shop", "--image", IMAGE];
    let text = policy.render(&sidecar).unwrap();
    assert!(text.contains("  match:\n  - mode: SERVER\n"), "{text}");
}

#[test]
fn what_is_missing_or_wrong_is_an_error_with_help() {
    let policy = File::new("flags", POLICY);
    let digest = |digest: &str| format!("a/b@sha256:{digest}");
    for (flags, flag) in [
        (vec!["wasmplugin", "--gateway", "g"], "--image"),
        (
            vec!["wasmplugin", "--gateway", "g", "--image", "a/b:v1"],
            "--image",
        ),
        (
            vec!["wasmplugin", "--gateway", "g", "--image", &digest("abc")],
            "--image",
        ),
        (
            vec![
                "wasmplugin",
                "--gateway",
                "g",
                "--image",
                &digest(&"A".repeat(64)),
            ],
            "--image",
        ),
        (vec!["wasmplugin", "--image", IMAGE], "--gateway"),
        (
            vec!["wasmplugin", "--target-ref", "Pod/a", "--image", IMAGE],
            "--target-ref",
        ),
        (
            vec!["wasmplugin", "--target-ref", "Gateway/", "--image", IMAGE],
            "--target-ref",
        ),
        (
            vec!["wasmplugin", "--selector", "app", "--image", IMAGE],
            "--selector",
        ),
        (
            vec![
                "envoyextensionpolicy",
                "--selector",
                "a=b",
                "--image",
                IMAGE,
            ],
            "--selector",
        ),
        (
            vec![
                "envoyextensionpolicy",
                "--target-ref",
                "Service/a",
                "--image",
                IMAGE,
            ],
            "--target-ref",
        ),
    ] {
        let (code, message) = policy.render(&flags).expect_err("an error");
        assert!(
            message.starts_with(&format!("error: {flag}: ")),
            "{flags:?}: {message}"
        );
        assert!(
            code == 1 && message.contains("\nhelp: "),
            "{flags:?}: {message}"
        );
    }
    let two = File::new("two", &format!("{POLICY}---\n{POLICY}"));
    let (code, message) = two.render(&["json"]).expect_err("two policies");
    assert!(
        code == 1 && message.contains("expected one policy, found 2"),
        "{message}"
    );
    let bad = File::new("bad", &POLICY.replace("hosts:", "host:"));
    let (code, message) = bad.render(&["json"]).expect_err("an invalid policy");
    assert!(
        code == 2 && message.contains("unknown field `host`"),
        "{message}"
    );
    let missing = File(std::env::temp_dir().join("portcullis-render-missing.yaml"));
    assert_eq!(missing.render(&["json"]).expect_err("no file").0, 1);
}
