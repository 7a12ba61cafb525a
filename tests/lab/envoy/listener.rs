//! The listener. Envoy reads it from a separate file, so that a policy can be replaced at run time.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::adapter::Adapter;
use super::bootstrap::socket;
use super::builder::PolicyEncoding;
use crate::lab::authority::Identity;

pub(super) const FILE: &str = "listener.json";
pub(super) const ACCESS_LOG: &str = "access.log";

/// Envoy's CORS filter.
const CORS: &str = "envoy.filters.http.cors";
const CORS_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.";

/// Whether Envoy normalizes paths before the filter sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paths {
    Normal,
    Raw,
}

/// The contents of the listener file.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) policy: Value,
    pub(super) adapter: Adapter,
    pub(super) policy_encoding: PolicyEncoding,
    pub(super) address: Option<SocketAddr>,
    pub(super) identity: Option<Identity>,
    pub(super) module: PathBuf,
    pub(super) hosts: Vec<(String, String)>,
    pub(super) paths: Paths,
    pub(super) upgrades: Vec<&'static str>,
    pub(super) filters: Option<Vec<Value>>,
    pub(super) stop_iteration: bool,
    /// `path_with_escaped_slashes_action`.
    pub(super) escaped_slashes: Option<&'static str>,
    /// The origin that Envoy's own CORS filter, before ours, allows.
    pub(super) cors: Option<String>,
}

impl Listener {
    pub(super) fn new(policy: Value) -> Self {
        Self {
            policy,
            adapter: Adapter::default(),
            policy_encoding: PolicyEncoding::default(),
            address: None,
            identity: None,
            module: PathBuf::new(),
            hosts: Vec::new(),
            paths: Paths::Normal,
            upgrades: vec!["websocket"],
            filters: None,
            stop_iteration: false,
            escaped_slashes: None,
            cors: None,
        }
    }

    /// Writes the file with a rename, which is the event that Envoy watches for.
    pub(super) fn write(&self, folder: &Path) {
        let resources = json!({"resources": [self.resource(folder)]});
        let draft = folder.join("listener.draft");
        fs::write(&draft, format!("{resources:#}")).expect("a listener file");
        fs::rename(draft, folder.join(FILE)).expect("a move within a folder");
    }

    fn resource(&self, folder: &Path) -> Value {
        let mut chain = json!({"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": self.connection_manager(folder),
        }]});
        if let Some(identity) = &self.identity {
            chain["transport_socket"] = tls(identity);
        }
        json!({
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "gateway",
            "address": self.address.map(socket),
            "filter_chains": [chain],
        })
    }

    fn connection_manager(&self, folder: &Path) -> Value {
        let mut filters = self
            .filters
            .clone()
            .unwrap_or_else(|| vec![self.portcullis()]);
        if self.cors.is_some() {
            filters.insert(
                0,
                json!({"name": CORS, "typed_config": {"@type": format!("{CORS_TYPE}Cors")}}),
            );
        }
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            },
        }));
        let upgrades: Vec<Value> = self
            .upgrades
            .iter()
            .map(|kind| json!({"upgrade_type": kind}))
            .collect();
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3\
                .HttpConnectionManager",
            "stat_prefix": "gateway",
            "codec_type": "AUTO",
            "normalize_path": self.paths == Paths::Normal,
            "merge_slashes": self.paths == Paths::Normal,
            "upgrade_configs": upgrades,
            "access_log": [access_log(&folder.join(ACCESS_LOG))],
            "route_config": {"name": "apps", "virtual_hosts": self.virtual_hosts()},
            "http_filters": filters,
        });
        if let Some(action) = self.escaped_slashes {
            manager["path_with_escaped_slashes_action"] = json!(action);
        }
        manager
    }

    /// There is no catch-all: an unlisted host has no route.
    fn virtual_hosts(&self) -> Vec<Value> {
        let virtual_host = |(host, cluster): &(String, String)| {
            let mut domains = vec![host.clone()];
            // Envoy supports a wildcard at one end only.
            if !host.starts_with('*') {
                domains.push(format!("{host}:*"));
            }
            let mut virtual_host = json!({
                "name": host,
                "domains": domains,
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}],
            });
            if let Some(origin) = &self.cors {
                virtual_host["typed_per_filter_config"][CORS] = json!({
                    "@type": format!("{CORS_TYPE}CorsPolicy"),
                    "allow_origin_string_match": [{"exact": origin}],
                    "allow_methods": "GET",
                    "allow_headers": "authorization",
                });
            }
            virtual_host
        };
        self.hosts.iter().map(virtual_host).collect()
    }

    fn portcullis(&self) -> Value {
        match self.adapter {
            Adapter::Filter => self.webassembly_filter(),
            Adapter::Module => self.dynamic_module(),
        }
    }

    fn dynamic_module(&self) -> Value {
        let mut filter = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3\
                .DynamicModuleFilter",
            "dynamic_module_config": {"name": "portcullis", "do_not_close": true},
            "filter_name": "portcullis",
        });
        if let Some(configuration) = self.policy_encoding.wrap(&self.policy) {
            filter["filter_config"] = configuration;
        }
        json!({"name": "portcullis", "typed_config": filter})
    }

    fn webassembly_filter(&self) -> Value {
        let mut plugin = json!({
            "name": "portcullis",
            "root_id": "portcullis",
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": "portcullis",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.module}},
            },
        });
        if self.stop_iteration {
            plugin["allow_on_headers_stop_iteration"] = json!(true);
        }
        if let Some(configuration) = self.policy_encoding.wrap(&self.policy) {
            plugin["configuration"] = configuration;
        }
        json!({
            "name": "portcullis",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": plugin,
            },
        })
    }
}

fn tls(identity: &Identity) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [{
                    "certificate_chain": {"filename": identity.certificate},
                    "private_key": {"filename": identity.key},
                }],
            },
        },
    })
}

fn access_log(path: &Path) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": {
                "method": "%REQ(:METHOD)%",
                "host": "%REQ(:AUTHORITY)%",
                "path": "%PATH(NQ)%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "caller": "%FILTER_STATE(wasm.portcullis.caller:PLAIN)%",
                "app": "%FILTER_STATE(wasm.portcullis.app:PLAIN)%",
                "rule": "%FILTER_STATE(wasm.portcullis.rule:PLAIN)%",
                "reason": "%FILTER_STATE(wasm.portcullis.reason:PLAIN)%",
                "audit": "%FILTER_STATE(wasm.portcullis.audit:PLAIN)%",
            }},
        },
    })
}
