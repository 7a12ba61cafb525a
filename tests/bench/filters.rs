//! The filters that are compared. Each admits the same issuer and audience.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::tokens::{AUDIENCE, ISSUER};

/// The host that is asked for.
pub(crate) const HOST: &str = "alertmanager.example.com";
/// The path that is asked for.
pub(crate) const PATH: &str = "/api/v2/alerts";

/// Envoy's own check of tokens. It knows no rules and passes nothing on.
pub(crate) fn jwt_authn(keys: &Value, caches: bool) -> Value {
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

/// Portcullis: one rule that lists the caller, and the headers that tell the app who calls.
pub(crate) fn portcullis(module: PathBuf, keys: &Value, audit_allowed: &str) -> Value {
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
