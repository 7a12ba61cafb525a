//! A registry of container images: crane's.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::process::Process;
use super::{folder, port, tools};

/// The name of the module in an image, in the root.
const MODULE: &str = "plugin.wasm";

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

    /// Pushes an image with only this module, in the layout that Istio's and Envoy Gateway's documentation describes.
    ///
    /// # Panics
    /// If the image can't be made or pushed.
    #[must_use]
    pub fn push_module(&self, repository: &str, module: &Path) -> String {
        let folder = folder::fresh("image");
        fs::copy(module, folder.join(MODULE))
            .unwrap_or_else(|e| panic!("{}: {e}", module.display()));
        let layer = folder.join("layer.tar");
        let archived = Command::new("tar")
            .arg("--create")
            .arg("--file")
            .arg(&layer)
            .arg("--directory")
            .arg(&folder)
            .arg(MODULE)
            .status()
            .expect("tar runs");
        assert!(archived.success(), "tar: {archived}");
        let reference = format!("{}:test", self.repository(repository));
        let layer = layer.display().to_string();
        let _pushed = crane(&[
            "append",
            "--oci-empty-base",
            "--new_layer",
            &layer,
            "--new_tag",
            &reference,
        ]);
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
