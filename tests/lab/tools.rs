//! The programs that the lab runs, as `make tools` and `make wasm` leave them.

use std::env;
use std::path::PathBuf;

use super::envoy::Version;
use super::folder::workspace;

/// The Envoy of a version.
#[must_use]
pub fn envoy(version: Version) -> PathBuf {
    made(
        workspace().join(format!(".tools/envoy-{version}/bin/envoy")),
        "make tools",
    )
}

/// Debian's Alertmanager, which has no web pages.
#[must_use]
pub fn alertmanager() -> PathBuf {
    made(
        workspace().join(".tools/debian/usr/bin/prometheus-alertmanager"),
        "make tools",
    )
}

/// Debian's Prometheus.
#[must_use]
pub fn prometheus() -> PathBuf {
    made(
        workspace().join(".tools/debian/usr/bin/prometheus"),
        "make tools",
    )
}

/// The filter's module, or the one that `PORTCULLIS_MODULE` names.
#[must_use]
pub fn module() -> PathBuf {
    let path = env::var_os("PORTCULLIS_MODULE")
        .map_or_else(|| workspace().join("target/portcullis.wasm"), PathBuf::from);
    made(path, "make wasm")
}

fn made(path: PathBuf, command: &str) -> PathBuf {
    assert!(
        path.exists(),
        "{} is missing: run `{command}`",
        path.display()
    );
    path
}
