use serde_json::{Value, json};

use super::super::super::check::{CheckId, Checks, Status};
use super::check;

/// The dump of a configuration with one connection manager of this filter.
fn dump(filter: &Value, ecds: &Value) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "http_filters": [filter, {"name": "envoy.filters.http.router"}],
    });
    let listener = json!({"filter_chains": [{"filters": [{"typed_config": manager}]}]});
    json!({"configs": [
        {"dynamic_listeners": [{"active_state": {"listener": listener}}]},
        {"ecds_filters": [{"ecds_filter": ecds}]},
    ]})
}

fn found(dump: &Value) -> Vec<(CheckId, Status)> {
    let checks = Checks::new("envoy");
    check(&checks, dump, false);
    let checks = checks.take().into_iter();
    checks.map(|check| (check.id, check.status)).collect()
}

#[test]
fn a_filter_that_is_configured_separately_is_found_by_its_name() {
    let ok = [
        (CheckId::EnvoyFilter, Status::Ok),
        (CheckId::EnvoyPaths, Status::Ok),
    ];
    let none = json!({"name": "other", "typed_config": {"name": "another.plugin"}});
    // Istio names a WasmPlugin by its namespace and name.
    let named = json!({"name": "extenstions.istio.io/wasmplugin/istio-ingress.portcullis"});
    assert_eq!(found(&dump(&named, &none)), ok);
    let other = json!({"name": "extenstions.istio.io/wasmplugin/istio-ingress.gate"});
    let of_gate = json!({
        "name": other["name"],
        "typed_config": {"config": {"root_id": "portcullis"}},
    });
    assert_eq!(found(&dump(&other, &of_gate)), ok);
    let expected = [
        (CheckId::EnvoyFilter, Status::Error),
        (CheckId::EnvoyPaths, Status::Skipped),
    ];
    assert_eq!(found(&dump(&other, &none)), expected);
}
