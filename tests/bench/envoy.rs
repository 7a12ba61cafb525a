//! An Envoy with one worker on a core of its own, which answers by itself.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_tests::lab::process::Process;
use portcullis_tests::lab::{Call, Version, folder, port, tools};
use serde_json::{Value, json};

use crate::filters::{HOST, PATH};
use crate::load;
use crate::machine::Machine;

/// A running Envoy. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Envoy {
    process: Process,
    folder: PathBuf,
    address: SocketAddr,
}

impl Envoy {
    /// Starts one with this filter, or with none, that says of its filters what is at least of
    /// `level`.
    pub(crate) async fn start(machine: &Machine, filter: Option<Value>, level: &str) -> Self {
        let folder = folder::fresh("envoy");
        let address = port::free();
        let configuration = folder.join("bootstrap.json");
        let bootstrap = bootstrap(address, filter);
        fs::write(&configuration, format!("{bootstrap:#}")).expect("a bootstrap file");
        let mut command = machine.on_envoys_core(tools::envoy(Version::V1_40));
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

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that it has taken since its start, with all its threads.
    pub(crate) fn cpu_time(&self) -> Duration {
        // The kernel counts in hundredths of a second wherever Envoy runs (`USER_HZ`).
        const TICK: Duration = Duration::from_millis(10);
        let path = format!("/proc/{}/stat", self.process.id());
        let stat = fs::read_to_string(path).expect("Envoy runs");
        // Behind the program's name, which may hold anything, come the state and then numbers:
        // `utime` and `stime` are the 14th and the 15th of all fields, see proc_pid_stat(5).
        let (_, fields) = stat.rsplit_once(')').expect("a program has a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(|field| field.parse::<u32>().expect("a count of ticks"));
        TICK * ticks.sum()
    }

    /// Ends it and takes its files away: with the audit on, its log grows large.
    pub(crate) fn end(self) {
        drop(self.process);
        let _left = fs::remove_dir_all(self.folder);
    }
}

fn bootstrap(address: SocketAddr, filter: Option<Value>) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    });
    let filters: Vec<Value> = filter.into_iter().chain([router]).collect();
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
                "direct_response": {"status": 200, "body": {"inline_string": load::BODY}},
            }],
        }]},
    });
    json!({"static_resources": {"listeners": [{
        "name": "gateway",
        "address": {"socket_address": {"address": address.ip(), "port_value": address.port()}},
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager,
        }]}],
    }]}})
}
