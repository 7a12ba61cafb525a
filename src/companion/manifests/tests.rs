mod boundary;
mod mesh;
mod places;

use std::path::{Path, PathBuf};

use super::*;

/// A policy as YAML with this indentation.
fn policy(indent: usize) -> String {
    let lines = [
        "trust:",
        "- name: blue",
        "  kind: kubernetes",
        "  issuer: https://blue.issuers.example.com",
        "  audiences: [portcullis]",
        "  keys: {envoy_cluster: outbound|443||blue.issuers.example.com}",
        "apps:",
        "- name: alertmanager",
        "  hosts: [alertmanager.example.com]",
        "  rules:",
        "  - name: polls",
        "    allow:",
        "    - service_account: blue/monitoring/karma",
    ];
    let lines = lines.map(|line| format!("{}{line}\n", " ".repeat(indent)));
    lines.concat()
}

/// What is found in a file with this name.
fn found_in(name: &str, text: &str) -> Found {
    let file = File::of(name, text);
    let mut found = Found::default();
    found.add_file(file, true);
    found.warnings.extend(plugin::duplicates(&found.plugins));
    found
}

/// The errors of a file.
fn errors_of(text: &str) -> Vec<String> {
    let found = found_in("f.yaml", text);
    let mut errors = found.errors.clone();
    for policy in &found.policies {
        errors.extend(policy.validate().err().unwrap_or_default());
    }
    errors.iter().map(ToString::to_string).collect()
}

/// The warnings of a file, whose policies are valid.
fn warnings_of(text: &str) -> Vec<String> {
    let found = found_in("f.yaml", text);
    assert_eq!(found.errors, [], "{text}");
    let mut warnings = found.warnings.clone();
    for policy in &found.policies {
        match policy.validate() {
            Ok(validated) => warnings.extend(found.warnings_of(policy, &validated)),
            Err(errors) => panic!("{text}: {errors:?}"),
        }
    }
    warnings.iter().map(ToString::to_string).collect()
}

/// The digests of all policies of a file.
fn digests_of(text: &str) -> Vec<String> {
    let found = found_in("f.yaml", text);
    assert_eq!(found.errors, [], "{text}");
    let digest = |policy: &FoundPolicy| match policy.validate() {
        Ok(policy) => policy.digest().to_string(),
        Err(errors) => panic!("{text}: {errors:?}"),
    };
    found.policies.iter().map(digest).collect()
}

/// A folder that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portcullis-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An object with a policy in this kind of plugin.
fn plugin(kind: &str, spec: &str) -> String {
    let (version, wasm, indent) = match kind {
        "TrafficExtension" => ("extensions.istio.io/v1alpha1", "  wasm:\n", 4),
        _ => ("extensions.istio.io/v1alpha1", "", 2),
    };
    let pad = " ".repeat(indent);
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: gate, namespace: istio-ingress}}\nspec:\n\
         {spec}{wasm}{pad}failStrategy: FAIL_RELOAD\n{pad}url: oci://registry.example.com/filter@sha256:{}\n\
         {pad}pluginConfig:\n{}",
        "0".repeat(64),
        policy(indent + 2),
    )
}
