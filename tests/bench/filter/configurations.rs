//! The compared filters. Each accepts the same issuer and audience.

use std::path::PathBuf;

use serde_json::{Value, json};

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
/// counters by app: a rule that lists the caller, removal and setting of identity headers, and
/// filter state.
pub(super) fn native(keys: &Value) -> Vec<Value> {
    let mut jwt_authn = self::jwt_authn(keys, false);
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
    let caller = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "claims"}, {"key": "sub"}],
        "value": {"string_match": {"exact": "system:serviceaccount:monitoring:karma"}},
    });
    let method =
        |method: &str| json!({"header": {"name": ":method", "string_match": {"exact": method}}});
    let rbac = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"policies": {"karma-polls": {
                "permissions": [{"and_rules": {"rules": [
                    {"or_rules": {"rules": [method("GET"), method("HEAD")]}},
                    {"header": {"name": ":authority", "string_match": {"exact": HOST}}},
                    {"url_path": {"path": {"prefix": "/api/v2/"}}},
                ]}}],
                "principals": [{"metadata": caller}],
            }}},
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
                state("rule", "karma-polls"),
                state("reason", "rule"),
            ],
        },
    });
    vec![header_mutation, jwt_authn, rbac, filter_state]
}

/// Portcullis: one rule that lists the caller, and identity headers for the app.
pub(super) fn portcullis(module: PathBuf, keys: &Value, audit_allowed: &str) -> Value {
    let policy = json!({
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
            "rules": [{
                "name": "karma-polls",
                "methods": ["GET", "HEAD"],
                "paths": ["/api/v2/**"],
                "allow": [{"service_account": "staging/monitoring/karma"}],
            }],
        }],
        "audit": {"allowed": audit_allowed},
    });
    portcullis_with(module, &policy)
}

/// Portcullis with this policy.
pub(super) fn portcullis_with(module: PathBuf, policy: &Value) -> Value {
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
