//! The compared filters. Each accepts the same issuer and audience.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::tokens::{AUDIENCE, ISSUER};
use crate::sign_in_stack::APP as HOST;

/// The path of all requests.
pub(super) const PATH: &str = "/api/v2/alerts";

/// Envoy's own token verification. It has no rules and sets no headers.
pub(super) fn jwt_authn(keys: &Value, caches: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": keys.to_string()},
    });
    if caches {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 100});
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"staging": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "staging"}}],
        },
    })
}

/// Envoy's own filters for everything that Portcullis does with a token, except reasons and
/// counters by app: rules, of which one lists the caller, removal and setting of identity headers,
/// and filter state.
pub(super) fn native(keys: &Value, caches: bool) -> Vec<Value> {
    let mut jwt_authn = self::jwt_authn(keys, caches);
    let provider = &mut jwt_authn["typed_config"]["providers"]["staging"];
    provider["payload_in_metadata"] = json!("claims");
    provider["claim_to_headers"] = json!([
        {"claim_name": "sub", "header_name": "x-auth-request-user"},
        {"claim_name": "sub", "header_name": "x-portcullis-caller"},
    ]);
    let removed = ["user", "email", "groups", "preferred-username"];
    let removed = removed.map(|name| json!({"remove": format!("x-auth-request-{name}")}));
    let header_mutation = json!({
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": removed},
        },
    });
    let caller = |name: &str| {
        json!({"metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "claims"}, {"key": "sub"}],
            "value": {"string_match": {"exact": format!("system:serviceaccount:monitoring:{name}")}},
        }})
    };
    let method =
        |method: &str| json!({"header": {"name": ":method", "string_match": {"exact": method}}});
    let policy = |name: &str| {
        json!({
            "permissions": [{"and_rules": {"rules": [
                {"or_rules": {"rules": [method("GET"), method("HEAD")]}},
                {"header": {"name": ":authority", "string_match": {"exact": HOST}}},
                {"url_path": {"path": {"prefix": "/api/v2/"}}},
            ]}}],
            "principals": [caller(name)],
        })
    };
    // Envoy evaluates them in the order of their names.
    let policies: Map<String, Value> = callers()
        .map(|name| (name.clone(), policy(&name)))
        .collect();
    let rbac = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"policies": policies},
        },
    });
    let state = |name: &str, value: &str| {
        json!({
            "object_key": format!("portcullis.{name}"),
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": value}},
        })
    };
    let filter_state = json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [
                state("caller", "%REQ(x-portcullis-caller)%"),
                state("app", "alertmanager"),
                state("rule", "karma"),
                state("reason", "rule"),
            ],
        },
    });
    vec![header_mutation, jwt_authn, rbac, filter_state]
}

/// The service accounts of ten rules. The last one sends the requests.
fn callers() -> impl Iterator<Item = String> {
    let others = (1..10).map(|number| format!("client-{number}"));
    others.chain(["karma".to_owned()])
}

/// Ten rules, of which the last lists the caller, and identity headers for the app.
pub(crate) fn policy(keys: &Value, audit_allowed: &str) -> Value {
    let rule = |name: String| {
        json!({
            "name": name,
            "methods": ["GET", "HEAD"],
            "paths": ["/api/v2/**"],
            "allow": [{"service_account": format!("staging/monitoring/{name}")}],
        })
    };
    json!({
        "trust": [{
            "name": "staging",
            "kind": "kubernetes",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "keys": {"inline": keys},
        }],
        "apps": [{
            "name": "alertmanager",
            "hosts": [HOST],
            "rules": callers().map(rule).collect::<Vec<_>>(),
        }],
        "audit": {"allowed": audit_allowed},
    })
}

/// The same app among 1,000, each with ten rules.
pub(super) fn large_policy(keys: &Value) -> Value {
    let mut policy = policy(keys, "off");
    let app = policy["apps"][0].clone();
    let others = (1..1000).map(|number| {
        let mut app = app.clone();
        app["name"] = json!(format!("app-{number}"));
        app["hosts"] = json!([format!("app-{number}.example.com")]);
        app
    });
    let apps = std::iter::once(app.clone()).chain(others);
    policy["apps"] = apps.collect();
    policy
}

/// Portcullis as a dynamic module, with this policy.
pub(crate) fn dynamic_module(policy: &Value) -> Value {
    json!({
        "name": "portcullis",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3\
                .DynamicModuleFilter",
            "dynamic_module_config": {"name": "portcullis", "do_not_close": true},
            "filter_name": "portcullis",
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": policy.to_string(),
            },
        },
    })
}

/// Portcullis as a WebAssembly filter, with this policy.
pub(crate) fn portcullis(module: PathBuf, policy: &Value) -> Value {
    json!({
        "name": "portcullis",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "portcullis",
                "root_id": "portcullis",
                "failure_policy": "FAIL_CLOSED",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": policy.to_string(),
                },
                "vm_config": {
                    "vm_id": "portcullis",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
            },
        },
    })
}
