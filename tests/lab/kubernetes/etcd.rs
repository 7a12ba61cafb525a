//! etcd, which an API server stores its objects in.

use std::path::Path;

use super::super::process::Process;
use super::super::{port, tools};

/// A running etcd. Stopped when dropped.
#[derive(Debug)]
pub(super) struct Etcd {
    url: String,
    _process: Process,
}

impl Etcd {
    /// Starts one with its data in this folder.
    pub(super) async fn start(folder: &Path) -> Self {
        let address = port::free();
        let url = format!("http://{address}");
        let peers = format!("http://{}", port::free());
        let mut command = tools::etcd();
        command.arg("--data-dir").arg(folder.join("etcd"));
        for (flag, value) in [
            ("--listen-client-urls", &url),
            ("--advertise-client-urls", &url),
            ("--listen-peer-urls", &peers),
            ("--initial-advertise-peer-urls", &peers),
            ("--initial-cluster", &format!("default={peers}")),
        ] {
            command.args([flag, value]);
        }
        let mut process = Process::start("etcd", folder, command);
        process.ready_at(address, "/health").await;
        Self {
            url,
            _process: process,
        }
    }

    /// The URL of its clients.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}
