//! The ValidatingAdmissionPolicies in `istio/`, as a real API server evaluates them: they accept our plugins and refuse what
//! would open a gate.

use portcullis_tests::lab::{ApiServer, tools, wait, yaml};
use serde_json::{Value, json};

use crate::shipped;

const MESH: &str = "mesh/plugin-admission.yaml";
const ENVOY_GATEWAY: &str = "envoy-gateway/plugin-admission.yaml";

/// The label of the namespaces with gated proxies.
const GATED: &str = "portcullis.example.com/gated";

/// A change of a shipped plugin, and a part of the reason for which it is refused.
struct Refusal {
    file: &'static str,
    what: &'static str,
    edit: fn(&mut Value),
    reason: &'static str,
}

/// An API server with the policies in force.
async fn server() -> ApiServer {
    let server = ApiServer::with_defaults().start().await;
    for module in ["istio", "envoy-gateway"] {
        server
            .define(&yaml::read_folder(&tools::definitions(module)))
            .await;
    }
    for name in ["istio-ingress", "envoy-ingress", "monitoring"] {
        let mut namespace = shipped::namespace(name);
        namespace["metadata"]["labels"] = json!({GATED: "true"});
        server.apply(&namespace).await;
    }
    server.apply(&shipped::namespace("elsewhere")).await;
    for object in [MESH, ENVOY_GATEWAY]
        .map(|file| shipped::objects(file, &[]))
        .concat()
    {
        server.apply(&object).await;
    }
    // A new policy is in force a moment later.
    for Refusal { file, edit, .. } in REFUSALS.iter().filter(|refusal| refusal.what == FAIL_OPEN) {
        let object = edited(file, *edit);
        wait::until_true("policies in force", wait::LONG, async || {
            server.validate(&object).await.is_err()
        })
        .await;
    }
    server
}

/// The first object of a shipped file, changed.
fn edited(file: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let objects = shipped::objects(file, &[]);
    let is_other = |object: &Value| {
        let kind = object["kind"].as_str().expect("a kind");
        ["ConfigMap", "ServiceEntry", "DestinationRule"].contains(&kind)
    };
    let mut objects = objects.into_iter().skip_while(is_other);
    let mut object = objects.next().expect("an object");
    edit(&mut object);
    object
}

const GATEWAY: &str = "mesh/trafficextension-gateway.yaml";
const OLDER: &str = "mesh/wasmplugin-gateway.yaml";
const EXTENSION: &str = "envoy-gateway/envoyextensionpolicy.yaml";
/// Its EnvoyFilter is for a client, which is not gated.
const CLIENT: &str = "clients/credential-injector.yaml";
const FAIL_OPEN: &str = "fail open";
const DIGEST: &str = "@sha256:DIGEST";

const REFUSALS: [Refusal; 13] = [
    Refusal {
        file: GATEWAY,
        what: FAIL_OPEN,
        edit: |object| object["spec"]["wasm"]["failStrategy"] = json!("FAIL_OPEN"),
        reason: "failStrategy must be FAIL_RELOAD",
    },
    Refusal {
        file: OLDER,
        what: FAIL_OPEN,
        edit: |object| object["spec"]["failStrategy"] = json!("FAIL_OPEN"),
        reason: "failStrategy must be FAIL_RELOAD",
    },
    Refusal {
        file: EXTENSION,
        what: FAIL_OPEN,
        edit: |object| object["spec"]["wasm"][0]["failOpen"] = json!(true),
        reason: "failOpen must be false",
    },
    Refusal {
        file: GATEWAY,
        what: "a tag instead of a digest",
        edit: |object| {
            object["spec"]["wasm"]["url"] =
                json!("oci://registry.example.com/portcullis/filter:0.1.0");
        },
        reason: DIGEST,
    },
    Refusal {
        file: OLDER,
        what: "a tag instead of a digest",
        edit: |object| {
            object["spec"]["url"] = json!("oci://registry.example.com/portcullis/filter:0.1.0");
        },
        reason: DIGEST,
    },
    Refusal {
        file: EXTENSION,
        what: "no digest",
        edit: |object| {
            let image = object["spec"]["wasm"][0]["code"]["image"].as_object_mut();
            image.expect("an image").remove("sha256");
        },
        reason: DIGEST,
    },
    Refusal {
        file: OLDER,
        what: "another plugin on the same proxy",
        edit: |object| {
            object["metadata"]["name"] = json!("other");
            let digest = "0".repeat(64);
            object["spec"]["url"] =
                json!(format!("oci://registry.example.com/other@sha256:{digest}"));
        },
        reason: DIGEST,
    },
    Refusal {
        file: GATEWAY,
        what: "Lua on the same proxy",
        edit: |object| {
            object["metadata"]["name"] = json!("other");
            let spec = object["spec"].as_object_mut().expect("a spec");
            spec.remove("wasm");
            spec.insert(
                "lua".to_owned(),
                json!({"inlineCode": "function envoy_on_request() end"}),
            );
        },
        reason: "a gated proxy runs no Lua",
    },
    Refusal {
        file: EXTENSION,
        what: "another policy for the same proxy",
        edit: |object| object["metadata"]["name"] = json!("other"),
        reason: "must be named portcullis",
    },
    Refusal {
        file: EXTENSION,
        what: "another plugin beside ours",
        edit: |object| {
            let plugins = object["spec"]["wasm"].as_array_mut().expect("plugins");
            let mut other = plugins[0].clone();
            other["name"] = json!("other");
            plugins.push(other);
        },
        reason: "a gated proxy runs one plugin",
    },
    Refusal {
        file: EXTENSION,
        what: "a policy below the gateway",
        edit: |object| {
            object["spec"]["targetRefs"] =
                json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "app"}]);
        },
        reason: "must target whole Gateways",
    },
    Refusal {
        file: "mesh/waypoint.yaml",
        what: "an EnvoyFilter that removes the filter",
        edit: |object| {
            *object = json!({
                "apiVersion": "networking.istio.io/v1alpha3",
                "kind": "EnvoyFilter",
                "metadata": {"namespace": "istio-ingress", "name": "without-gate"},
                "spec": {"configPatches": [{
                    "applyTo": "HTTP_FILTER",
                    "match": {"context": "GATEWAY"},
                    "patch": {"operation": "REMOVE"},
                }]},
            });
        },
        reason: "may have no patches",
    },
    Refusal {
        file: CLIENT,
        what: "patches of a gated workload",
        edit: |object| {
            object["spec"]["workloadSelector"]["labels"]["app.kubernetes.io/name"] =
                json!("alertmanager");
        },
        reason: "may have no patches",
    },
];

#[tokio::test]
async fn admission_accepts_our_plugins_and_refuses_what_opens_a_gate() {
    let server = server().await;
    for file in [
        GATEWAY,
        OLDER,
        "mesh/trafficextension-sidecar.yaml",
        "mesh/wasmplugin-waypoint.yaml",
        EXTENSION,
        CLIENT,
    ] {
        let accepted = server.validate(&edited(file, |_| {})).await;
        assert_eq!(accepted, Ok(()), "{file}");
    }
    for Refusal {
        file,
        what,
        edit,
        reason,
    } in REFUSALS
    {
        let refused = server.validate(&edited(file, edit)).await;
        let message = refused.expect_err(what);
        assert!(message.contains(reason), "{file}, {what}: {message}");
    }
    // Namespaces without gated proxies may run what they like.
    let other = edited(OLDER, |object| {
        object["metadata"]["namespace"] = json!("elsewhere");
        object["spec"]["failStrategy"] = json!("FAIL_OPEN");
    });
    assert_eq!(server.validate(&other).await, Ok(()));
}
