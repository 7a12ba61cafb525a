//! `portcullis render`: what it prints is read again.

use crate::check::{Folder, POLICY, texts};

const IMAGE: &str = "registry.example.com/portcullis/filter@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn what_is_rendered_is_checked_with_the_same_digest_and_no_warning() {
    let folder = Folder::new("render");
    folder.file("portcullis.yaml", POLICY);
    let (_, checked, _) = texts(&folder.portcullis(&["check", "portcullis.yaml"], ""));
    let digest = checked.lines().nth(1).unwrap();
    for (kind, name) in [
        ("json", ""),
        ("configmap", "ConfigMap portcullis/gate: "),
        ("wasmplugin", "WasmPlugin portcullis/gate: "),
        ("trafficextension", "TrafficExtension portcullis/gate: "),
        (
            "envoyextensionpolicy",
            "EnvoyExtensionPolicy portcullis/gate: ",
        ),
    ] {
        let arguments = [
            "render",
            "-",
            "--as",
            kind,
            "--name",
            "gate",
            "--namespace",
            "portcullis",
            "--gateway",
            "g",
            "--image",
            IMAGE,
        ];
        let (code, text, stderr) = texts(&folder.portcullis(&arguments, POLICY));
        assert_eq!((code, &*stderr), (Some(0), ""), "{kind}");
        assert_eq!(
            texts(&folder.portcullis(&arguments, POLICY)).1,
            text,
            "{kind}: the same output"
        );
        let (code, output, stderr) =
            texts(&folder.portcullis(&["check", "--fail-on-warning", "-"], &text));
        assert_eq!((code, &*stderr), (Some(0), ""), "{kind}: {text}");
        assert_eq!(output.lines().nth(1), Some(digest), "{kind}");
        assert!(
            output.starts_with(&format!("<stdin>: {name}valid: ")),
            "{kind}: {output}"
        );
    }
}

#[test]
fn a_plugin_needs_an_image_by_digest() {
    let folder = Folder::new("render-image");
    folder.file("portcullis.yaml", POLICY);
    let plugin = [
        "render",
        "portcullis.yaml",
        "--as",
        "wasmplugin",
        "--gateway",
        "g",
    ];
    for more in [&[][..], &["--image", "registry.example.com/filter:v1"]] {
        let (code, stdout, stderr) = texts(&folder.portcullis(&[&plugin[..], more].concat(), ""));
        assert_eq!((code, &*stdout), (Some(1), ""));
        assert!(
            stderr.starts_with("error: --image: ") && stderr.contains("\nhelp: write `--image "),
            "{stderr}"
        );
    }
}

#[test]
fn an_invalid_policy_is_not_rendered() {
    let folder = Folder::new("render-invalid");
    let arguments = ["render", "-", "--as", "configmap"];
    let (code, stdout, stderr) =
        texts(&folder.portcullis(&arguments, &POLICY.replace("hosts:", "host:")));
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert!(stderr.contains("unknown field `host`\n"), "{stderr}");
    assert_eq!(
        texts(&folder.portcullis(&["render", "none.yaml", "--as", "json"], "")).0,
        Some(1)
    );
    assert_eq!(
        texts(&folder.portcullis(&["render", "-"], POLICY)).0,
        Some(1)
    );
}
