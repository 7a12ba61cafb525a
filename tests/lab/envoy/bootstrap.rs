//! Envoy's bootstrap configuration: clusters, stats tags, and the path of the listener file.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::listener;

/// Envoy names the metrics of a dynamic module like those of a Wasm module, without a prefix.
pub(super) fn module_metrics() -> Value {
    let flag = "envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix";
    json!({"layers": [{"name": "static", "static_layer": {flag: true}}]})
}

/// The bootstrap file.
pub(super) fn bootstrap(admin: SocketAddr, clusters: &[Value], folder: &Path) -> Value {
    json!({
        "node": {"id": "lab", "cluster": "lab"},
        "admin": {"address": socket(admin)},
        "stats_config": {"stats_tags": stats_tags()},
        "static_resources": {"clusters": clusters},
        "dynamic_resources": {"lds_config": {
            "resource_api_version": "V3",
            "path_config_source": {"path": folder.join(listener::FILE)},
        }},
    })
}

/// A cluster in clear text.
pub(super) fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(address)}}]}],
        },
    })
}

/// Makes a cluster use HTTP/2, with or without TLS.
pub(in crate::lab) fn use_http2(cluster: &mut Value) {
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type":
                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        },
    });
}

/// A cluster over TLS, with its own CA and the one name that its certificate must have.
pub(super) fn tls_cluster(name: &str, address: SocketAddr, host: &str, authority: &Path) -> Value {
    let mut cluster = cluster(name, address);
    cluster["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": host,
            "common_tls_context": {"validation_context": {
                "trusted_ca": {"filename": authority},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"exact": host}},
                ],
            }},
        },
    });
    cluster
}

pub(super) fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

/// Envoy's metrics for plugins have no labels. These tags extract labels from the names.
fn stats_tags() -> Value {
    let tag = |name: &str, regex: &str| json!({"tag_name": name, "regex": regex});
    json!([
        tag(
            "app",
            r"^wasmcustom\.portcullis_[a-z_]+(\.app\.([a-z0-9-]+))"
        ),
        tag(
            "decision",
            r"^wasmcustom\.portcullis_[a-z_]+.*(\.decision\.([a-z]+))"
        ),
        tag(
            "reason",
            r"^wasmcustom\.portcullis_[a-z_]+.*(\.reason\.([a-z-]+))$"
        ),
        tag(
            "shadow",
            r"^wasmcustom\.portcullis_[a-z_]+.*(\.shadow\.([a-z]+))$"
        ),
        tag(
            "trust",
            r"^wasmcustom\.portcullis_[a-z_]+(\.trust\.([a-z0-9-]+))"
        ),
        tag(
            "outcome",
            r"^wasmcustom\.portcullis_[a-z_]+.*(\.outcome\.([a-z-]+))$"
        ),
    ])
}
