//! Warnings about manifests.

use super::*;

const GATEWAY: &str =
    "  phase: AUTHN\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]\n";

const ENTRY: &str = "\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec: {hosts: [blue.issuers.example.com], ports: [{number: 443, name: tls, protocol: TLS}]}
";

/// The only warning of a file.
#[track_caller]
fn warning_of(text: &str) -> String {
    let mut warnings = warnings_of(text);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    warnings.remove(0)
}

#[test]
fn a_good_plugin_has_no_warning() {
    for kind in ["WasmPlugin", "TrafficExtension"] {
        let text = format!("{}{ENTRY}", plugin(kind, GATEWAY));
        assert_eq!(warnings_of(&text), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn images_failures_phases_and_modes_have_warnings() {
    let digest = format!("@sha256:{}", "0".repeat(64));
    for kind in ["WasmPlugin", "TrafficExtension"] {
        let good = format!("{}{ENTRY}", plugin(kind, GATEWAY));
        for (piece, other, field, problem) in [
            (&*digest, ":v1", "url", "the image has no digest"),
            (&*digest, "", "url", "the image has no digest"),
            (
                "oci://registry.example.com/filter",
                "https://example.com/a.wasm#",
                "",
                "",
            ),
            (
                "FAIL_RELOAD",
                "FAIL_OPEN",
                "failStrategy",
                "EVERY REQUEST IS ALLOWED",
            ),
            (
                "FAIL_RELOAD",
                "FAIL_CLOSE",
                "failStrategy",
                "refuses all requests of a worker",
            ),
            (
                "phase: AUTHN",
                "phase: AUTHZ",
                "phase",
                "the phase is not AUTHN",
            ),
            ("  phase: AUTHN\n", "", "", "the phase is not AUTHN"),
            (
                "  phase: AUTHN\n",
                "  phase: AUTHN\n  match: [{mode: SERVER}]\n",
                "match",
                "NOTHING IS REFUSED",
            ),
        ] {
            let text = good.replacen(piece, other, 1);
            assert_ne!(text, good, "{piece}");
            if problem.is_empty() {
                assert_eq!(warnings_of(&text), Vec::<String>::new());
                continue;
            }
            let warning = warning_of(&text);
            assert!(
                warning.starts_with("warning: f.yaml:") && warning.contains("; help: "),
                "{warning}"
            );
            assert!(
                warning.contains(&format!("{field}: {problem}")) || warning.contains(problem),
                "{warning}"
            );
        }
    }
    let http = format!("{}{ENTRY}", plugin("WasmPlugin", GATEWAY))
        .replace("oci://", "https://")
        .replace(&digest, "");
    assert!(warning_of(&http).contains("the module has no `sha256`"));
    let with_sum = http.replace("  failStrategy", "  sha256: abc\n  failStrategy");
    assert_eq!(warnings_of(&with_sum), Vec::<String>::new());
}

#[test]
fn a_sidecar_needs_the_mode_server() {
    let sidecar = |more: &str| {
        let spec = format!("  phase: AUTHN\n  selector: {{matchLabels: {{app: shop}}}}\n{more}");
        format!("{}{ENTRY}", plugin("WasmPlugin", &spec))
    };
    let warning = warning_of(&sidecar(""));
    assert!(warning.contains("match: [{mode: SERVER}]"), "{warning}");
    assert_eq!(
        warnings_of(&sidecar("  match: [{mode: SERVER}]\n")),
        Vec::<String>::new()
    );
    let gateway = sidecar("").replace("{app: shop}", "{istio: ingressgateway}");
    assert_eq!(warnings_of(&gateway), Vec::<String>::new());
    let waypoint = plugin(
        "WasmPlugin",
        &GATEWAY.replace("kind: Gateway", "kind: Service"),
    );
    assert_eq!(
        warnings_of(&format!("{waypoint}{ENTRY}")),
        Vec::<String>::new()
    );
}

#[test]
fn two_policies_on_one_gateway_have_a_warning() {
    let other = plugin("TrafficExtension", GATEWAY).replace("name: gate,", "name: other,");
    let text = format!("{}---\n{other}{ENTRY}", plugin("WasmPlugin", GATEWAY));
    let warning = warning_of(&text);
    assert!(
        warning.contains(
            "document 2: spec.targetRefs: WasmPlugin istio-ingress/gate has the same target"
        ),
        "{warning}"
    );
    let elsewhere = text.replace("other, namespace: istio-ingress", "other, namespace: more");
    assert_eq!(warnings_of(&elsewhere), Vec::<String>::new());
    let on_another = text.replacen("name: g}", "name: h}", 1);
    assert_eq!(warnings_of(&on_another), Vec::<String>::new());
}

#[test]
fn a_host_that_no_service_entry_names_has_a_warning() {
    let gate = plugin("WasmPlugin", GATEWAY);
    for (entries, is_known) in [
        (ENTRY.to_owned(), true),
        (
            ENTRY
                .replace("blue.issuers", "'*.issuers")
                .replace(".com]", ".com']"),
            true,
        ),
        (ENTRY.replace("443", "8443"), false),
        (ENTRY.replace("blue.", "green."), false),
        (String::new(), false),
    ] {
        let text = format!("{gate}{entries}");
        if is_known {
            assert_eq!(warnings_of(&text), Vec::<String>::new(), "{entries}");
        } else {
            let warning = warning_of(&text);
            assert!(
                warning.contains("spec.pluginConfig.trust[0].keys.envoy_cluster: no ServiceEntry in the input has the host `blue.issuers.example.com` with the port 443"),
                "{warning}"
            );
        }
    }
    // A policy that no mesh loads may have other clusters.
    assert_eq!(warnings_of(&policy(0)), Vec::<String>::new());
    // Services of the cluster are known if there are any in the input.
    let inside = gate.replace(
        "outbound|443||blue.issuers.example.com",
        "outbound|4180||portcullis.portcullis.svc.cluster.local",
    );
    assert_eq!(warnings_of(&inside), Vec::<String>::new());
    let service = |port: u16| {
        format!(
            "{inside}---\napiVersion: v1\nkind: Service\nmetadata: {{name: portcullis, namespace: portcullis}}\nspec: {{ports: [{{port: {port}}}]}}\n"
        )
    };
    assert_eq!(warnings_of(&service(4180)), Vec::<String>::new());
    assert!(warning_of(&service(80)).contains("no Service in the input has the host"));
}

#[test]
fn envoy_and_envoy_gateway_that_fail_open_have_a_warning() {
    let gateway = format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{name: a}}\nspec:\n  \
         targetRefs: [{{kind: Gateway, name: g}}]\n  wasm:\n  - failOpen: false\n    code: {{type: Image, image: {{url: 'a@sha256:0'}}}}\n    config:\n{}",
        policy(6)
    );
    assert_eq!(warnings_of(&gateway), Vec::<String>::new());
    let warning = warning_of(&gateway.replace("failOpen: false", "failOpen: true"));
    assert!(
        warning.contains("spec.wasm[0].failOpen: with `failOpen`, EVERY REQUEST IS ALLOWED"),
        "{warning}"
    );
    let warning = warning_of(&gateway.replace("a@sha256:0", "a:v1"));
    assert!(
        warning.contains("spec.wasm[0].code.image.url: the image has no digest"),
        "{warning}"
    );
    let envoy = format!(
        "'@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\nconfig:\n  failure_policy: FAIL_OPEN\n  \
         configuration:\n    '@type': type.googleapis.com/google.protobuf.Struct\n    value:\n{}",
        policy(6)
    );
    let warning = warning_of(&envoy);
    assert!(
        warning.contains("config.failure_policy: when it fails open, EVERY REQUEST IS ALLOWED"),
        "{warning}"
    );
    assert_eq!(
        warnings_of(&envoy.replace("FAIL_OPEN", "FAIL_RELOAD")),
        Vec::<String>::new()
    );
}
