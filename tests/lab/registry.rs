//! A registry of container images: crane's.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::process::Process;
use super::{folder, port, tools};

/// A running registry. Stopped when dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    _process: Process,
}

impl Registry {
    /// Starts an empty one and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start() -> Self {
        let folder = folder::fresh("registry");
        let address = port::free();
        let mut command = Command::new(tools::crane());
        command.args(["registry", "serve", "--address", &address.to_string()]);
        let mut process = Process::start("registry", &folder, command);
        process.ready_at(address, "/v2/").await;
        Self {
            address,
            _process: process,
        }
    }

    /// The reference of a repository, without a tag.
    #[must_use]
    pub fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Pushes an OCI layout and returns the digest of its image: `sha256:…`.
    ///
    /// # Panics
    /// If crane can't push it.
    #[must_use]
    pub fn push(&self, repository: &str, layout: &Path) -> String {
        let reference = format!("{}:test", self.repository(repository));
        let layout = layout.display().to_string();
        let _pushed = crane(&["push", &layout, &reference]);
        crane(&["digest", &reference])
    }
}

fn crane(arguments: &[&str]) -> String {
    let output = Command::new(tools::crane())
        .args(arguments)
        .output()
        .expect("crane runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "crane {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
