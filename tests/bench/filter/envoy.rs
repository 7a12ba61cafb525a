//! An Envoy with one worker on its own core, which responds directly.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Call, Version, folder, port, tools};
use serde_json::{Value, json};

use super::configurations::PATH;
use super::variants::BODY;
use crate::machine::Machine;
use crate::sign_in_stack::APP as HOST;

/// A running Envoy. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct Envoy {
    process: Process,
    folder: PathBuf,
    address: SocketAddr,
}

impl Envoy {
    /// Starts Envoy with these filters, which log at `level`. It has these clusters.
    pub(crate) async fn start(
        machine: &Machine,
        filters: Vec<Value>,
        level: &str,
        clusters: &[(&str, SocketAddr)],
    ) -> Self {
        let folder = folder::fresh("envoy");
        let address = port::free();
        let configuration = folder.join("bootstrap.json");
        let bootstrap = bootstrap(address, filters, clusters);
        fs::write(&configuration, format!("{bootstrap:#}")).expect("a bootstrap file");
        let mut command = machine.command_on_server_core(tools::envoy(Version::V1_40));
        let module = tools::dynamic_module();
        let module_folder = module.parent().expect("a file in a folder");
        command.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", module_folder);
        command.arg("--config-path").arg(configuration);
        command.args(["--concurrency", "1", "--disable-hot-restart"]);
        command.args(["--log-level", "error", "--component-log-level"]);
        command.arg(format!("wasm:{level}"));
        let mut process = Process::start("envoy", &folder, command);
        let call = Call::get(HOST, PATH);
        process
            .ready(async || call.try_send(address).await.is_ok())
            .await;
        Self {
            process,
            folder,
            address,
        }
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process ID.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // With audit records its log becomes large.
        self.process.kill();
        let _left = fs::remove_dir_all(&self.folder);
    }
}
/// The full version of the measured Envoy.
pub(super) fn version() -> String {
    let output = Command::new(tools::envoy(Version::V1_40))
        .arg("--version")
        .output()
        .expect("Envoy runs");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    // `<program>  version: <commit>/<version>/<state>/<build>/<TLS library>`
    let build = version.split("version: ").nth(1).unwrap_or_default();
    build.split('/').nth(1).unwrap_or("unknown").to_owned()
}

fn bootstrap(address: SocketAddr, filters: Vec<Value>, clusters: &[(&str, SocketAddr)]) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    });
    let filters: Vec<Value> = filters.into_iter().chain([router]).collect();
    let connection_manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3\
            .HttpConnectionManager",
        "stat_prefix": "bench",
        "normalize_path": true,
        "merge_slashes": true,
        "http_filters": filters,
        "route_config": {"name": "apps", "virtual_hosts": [{
            "name": "app",
            "domains": [HOST],
            "routes": [{
                "match": {"prefix": "/"},
                "direct_response": {"status": 200, "body": {"inline_string": BODY}},
            }],
        }]},
    });
    let clusters = clusters.iter().map(|(name, address)| {
        let endpoint = json!({"address": {"socket_address": {
            "address": address.ip(), "port_value": address.port(),
        }}});
        json!({
            "name": name,
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
            },
        })
    });
    let clusters: Vec<Value> = clusters.collect();
    json!({"static_resources": {"clusters": clusters, "listeners": [{
        "name": "gateway",
        "address": {"socket_address": {"address": address.ip(), "port_value": address.port()}},
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager,
        }]}],
    }]}})
}
