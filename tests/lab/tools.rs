//! The programs that the lab runs, as installed by `make tools` and built by `make wasm`.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::envoy::Version;
use super::folder::workspace;

/// Envoy of this version.
#[must_use]
pub fn envoy(version: Version) -> PathBuf {
    existing(
        workspace().join(format!(".tools/envoy-{version}/bin/envoy")),
        "make tools",
    )
}

/// A program of a Debian package, `prometheus` or `prometheus-alertmanager`. It finds its files
/// only if it is started in the folder that the packages were unpacked into.
#[must_use]
pub fn app(program: &str) -> Command {
    let mut command = unpacked("apps", &format!("usr/bin/{program}"), "make tools");
    command.current_dir(workspace().join(".tools/apps"));
    command
}

/// A server of a Debian package: `sbin/nginx`, `bin/redis-server` or `bin/redis-cli`.
#[must_use]
pub fn server(program: &str) -> Command {
    unpacked("servers", &format!("usr/{program}"), "make tools")
}

/// Chromium's WebDriver server, `chromedriver`. Both use the unpacked fonts only, so that pages
/// look the same on every machine.
#[must_use]
pub fn browser_driver() -> Command {
    let mut command = unpacked("chromium", "usr/bin/chromedriver", "make tools");
    command.env(
        "FONTCONFIG_PATH",
        workspace().join(".tools/chromium/etc/fonts"),
    );
    command
}

/// Chromium, which needs the same environment as its driver.
#[must_use]
pub fn browser() -> PathBuf {
    existing(
        workspace().join(".tools/chromium/usr/lib/chromium/chromium"),
        "make tools",
    )
}

/// Caddy.
#[must_use]
pub fn caddy() -> PathBuf {
    existing(workspace().join(".tools/caddy/bin/caddy"), "make tools")
}

/// oauth2-proxy, which the benchmark compares the companion with.
#[must_use]
pub fn oauth2_proxy() -> PathBuf {
    existing(
        workspace().join(".tools/oauth2-proxy/bin/oauth2-proxy"),
        "make bench",
    )
}

/// Helm.
#[must_use]
pub fn helm() -> PathBuf {
    existing(workspace().join(".tools/helm/bin/helm"), "make tools")
}

/// kubeconform, which checks Kubernetes objects with schemas.
#[must_use]
pub fn kubeconform() -> PathBuf {
    existing(
        workspace().join(".tools/kubeconform/bin/kubeconform"),
        "make tools",
    )
}

/// kustomize.
#[must_use]
pub fn kustomize() -> PathBuf {
    existing(
        workspace().join(".tools/kustomize/bin/kustomize"),
        "make tools",
    )
}

/// actionlint, which checks workflows.
#[must_use]
pub fn actionlint() -> PathBuf {
    existing(
        workspace().join(".tools/actionlint/bin/actionlint"),
        "make tools",
    )
}

/// The program in `istio/images`, which writes images.
#[must_use]
pub fn images() -> PathBuf {
    existing(workspace().join(".tools/images/images"), "make tools")
}

/// The certificates of the public CAs, in PEM.
#[must_use]
pub fn certificates() -> PathBuf {
    existing(
        workspace().join(".tools/certificates/ca-certificates.crt"),
        "make tools",
    )
}

/// The folder with the schemas of Kubernetes objects.
#[must_use]
pub fn schemas() -> PathBuf {
    existing(workspace().join(".tools/schemas"), "make tools")
}

/// The custom resource definitions of this module: a folder of YAML files.
#[must_use]
pub fn definitions(module: &str) -> PathBuf {
    existing(schemas().join("crds").join(module), "make tools")
}

/// etcd, for a Kubernetes API server.
#[must_use]
pub fn etcd() -> Command {
    unpacked("etcd", "usr/bin/etcd", "make mesh-tools")
}

/// A Kubernetes API server.
#[must_use]
pub fn kube_apiserver() -> PathBuf {
    existing(
        workspace().join(".tools/kubernetes/bin/kube-apiserver"),
        "make mesh-tools",
    )
}

/// A program of Istio: `pilot-discovery`, `pilot-agent` or `fetch`.
#[must_use]
pub fn istio(program: &str) -> PathBuf {
    let programs = workspace().join(".tools/istio/bin");
    existing(programs.join(program), "make mesh-tools")
}

/// The template of a bootstrap that Istio's agent fills in.
#[must_use]
pub fn istio_bootstrap() -> PathBuf {
    existing(
        workspace().join(".tools/istio-agent/envoy_bootstrap.json"),
        "make mesh-tools",
    )
}

/// The ConfigMap of Istio's chart with the templates of proxies.
#[must_use]
pub fn istio_templates() -> PathBuf {
    existing(
        workspace().join(".tools/istio-agent/injector.yaml"),
        "make mesh-tools",
    )
}

/// Envoy Gateway's command line, `egctl`.
#[must_use]
pub fn egctl() -> PathBuf {
    existing(
        workspace().join(".tools/envoy-gateway/bin/egctl"),
        "make mesh-tools",
    )
}

/// crane, which has a registry.
#[must_use]
pub fn crane() -> PathBuf {
    existing(
        workspace().join(".tools/crane/bin/crane"),
        "make mesh-tools",
    )
}

/// The OpenID provider, a script for Node.
///
/// # Panics
/// If its packages are not installed.
#[must_use]
pub fn provider() -> Command {
    existing(
        workspace().join(".tools/oidc-provider/node_modules/oidc-provider"),
        "make tools",
    );
    let mut command = Command::new("node");
    command.arg(workspace().join("tests/provider/provider.mjs"));
    command
}

/// The companion, which Cargo builds beside the running program, or the file that `PORTCULLIS_COMPANION` names.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn companion() -> PathBuf {
    if let Some(path) = env::var_os("PORTCULLIS_COMPANION") {
        return existing(PathBuf::from(path), "cargo build -p portcullis");
    }
    built("portcullis").expect("the companion is missing: run `cargo build -p portcullis`")
}

/// The filter, or the file that `PORTCULLIS_FILTER` names.
#[must_use]
pub fn filter() -> PathBuf {
    let path = env::var_os("PORTCULLIS_FILTER")
        .map_or_else(|| workspace().join("target/portcullis.wasm"), PathBuf::from);
    existing(path, "make wasm")
}

/// The dynamic module, which `make e2e` builds beside the running program.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn dynamic_module() -> PathBuf {
    built("libportcullis.so")
        .expect("the dynamic module is missing: run `make e2e`, or `make bench` for the benchmarks")
}

/// Lets an Envoy find the dynamic module, if it is built.
pub(super) fn find_dynamic_module(envoy: &mut Command) {
    if let Some(built) = build_folder_of("libportcullis.so") {
        envoy.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", built);
    }
}

/// The header file of Envoy's dynamic-module ABI.
#[must_use]
pub fn dynamic_module_header() -> PathBuf {
    existing(workspace().join(".tools/abi/abi.h"), "make tools")
}

/// The folder of a file that is built beside the running program; `None` if it is not built.
fn build_folder_of(name: &str) -> Option<PathBuf> {
    let program = env::current_exe().expect("a program has a path");
    // Test programs are one folder deeper than others.
    let mut folders = program.ancestors().skip(1).take(2);
    let folder = folders.find(|folder| folder.join(name).is_file())?;
    Some(folder.to_owned())
}

/// A file that is built beside the running program.
fn built(name: &str) -> Option<PathBuf> {
    build_folder_of(name).map(|folder| folder.join(name))
}

/// A program with the libraries that were unpacked beside it.
fn unpacked(folder: &str, program: &str, installation: &str) -> Command {
    let folder = workspace().join(".tools").join(folder);
    let mut command = Command::new(existing(folder.join(program), installation));
    command.env("LD_LIBRARY_PATH", folder.join("libraries"));
    command
}

fn existing(path: PathBuf, command: &str) -> PathBuf {
    assert!(
        path.exists(),
        "{} is missing: run `{command}`",
        path.display()
    );
    path
}
