//! The example configurations in `envoy/`, run as they are except for ports, addresses and paths.

mod running;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};

pub use running::RunningExample;

use super::authority::Authority;
use super::envoy::{Version, bootstrap};
use super::projected_token::ProjectedToken;
use super::{folder, tools, yaml};
use running::ACCESS_LOG;

/// Where the examples expect the filter and the certificates.
const FILES: &str = "/etc/portcullis";
/// Where the examples expect a projected token.
const TOKEN_VOLUME: &str = "/var/run/secrets/portcullis";
/// The secret that Envoy reads the token by.
const TOKEN_SECRET: &str = "token-secret.yaml";
/// The filter and the policy of an example that has them in a file of their own, and the folder that it expects them in.
const FILTER: &str = "policy-updates-filter.yaml";
const FILTER_FOLDER: &str = "policy";
/// Where the examples write the access log.
const STANDARD_OUTPUT: &str = "/dev/stdout";

/// A file in `envoy/`, with a folder of its own to run in.
#[derive(Clone, Debug)]
pub struct ExampleConfig {
    document: Value,
    folder: PathBuf,
    trust: Option<Arc<ClientConfig>>,
}

impl ExampleConfig {
    /// The names of all configurations: the folder also has a README, a secret, and a filter.
    ///
    /// # Panics
    /// If the folder can't be read.
    #[must_use]
    pub fn names() -> Vec<String> {
        let entries = fs::read_dir(folder::workspace().join("envoy")).expect("the folder envoy");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("a file in it")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name.ends_with(".yaml") && ![TOKEN_SECRET, FILTER].contains(&&**name))
            .collect();
        names.sort();
        names
    }

    /// Reads the file with this name. Its filter and its access log are in a new folder;
    /// certificates are put there with [`ExampleConfig::file`].
    ///
    /// # Panics
    /// If the file is not YAML, or the module is not built.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let path = folder::workspace().join("envoy").join(name);
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document = yaml::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let folder = folder::fresh("example-config");
        let mut config = Self {
            document,
            folder,
            trust: None,
        };
        config.file("portcullis.wasm", &tools::filter());
        for (from, to) in [(FILES, ""), (STANDARD_OUTPUT, ACCESS_LOG)] {
            let path = config.path(to);
            config.replace(from, path.trim_end_matches('/'));
        }
        config
    }

    /// Its policy.
    ///
    /// # Panics
    /// If it does not have our filter.
    #[must_use]
    pub fn policy(&self) -> &Value {
        let mut filters = self.manager()["http_filters"]
            .as_array()
            .expect("a list")
            .iter();
        let ours = filters.find(|filter| filter["name"] == "portcullis");
        let typed = &ours.expect("our filter")["typed_config"];
        let of_module = typed["filter_config"].get("value");
        of_module.unwrap_or_else(|| &typed["config"]["configuration"]["value"])
    }

    /// The clusters of its routes.
    ///
    /// # Panics
    /// If a route has no cluster.
    #[must_use]
    pub fn route_clusters(&self) -> Vec<&str> {
        let hosts = self.manager()["route_config"]["virtual_hosts"].as_array();
        let hosts = hosts.expect("a list").iter();
        let routes = hosts.flat_map(|host| host["routes"].as_array().expect("a list"));
        routes
            .map(|route| route["route"]["cluster"].as_str().expect("a cluster"))
            .collect()
    }

    /// The format of its access log.
    #[must_use]
    pub fn access_log_format(&self) -> &Value {
        &self.manager()["access_log"][0]["typed_config"]["log_format"]["json_format"]
    }

    /// Copies a file to the folder that the configuration expects it in.
    ///
    /// # Panics
    /// If that fails.
    pub fn file(&self, name: &str, from: &Path) {
        fs::copy(from, self.folder.join(name))
            .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }

    /// Sets a certificate from this authority for these hosts, if it terminates TLS.
    ///
    /// # Panics
    /// If that fails.
    pub fn set_certificate(&mut self, authority: &Authority, hosts: &[&str]) {
        let identity = authority.identity(hosts);
        self.file("certificate.pem", &identity.certificate);
        self.file("key.pem", &identity.key);
        self.trust = Some(authority.trust());
    }

    /// Adds `token-secret.yaml` with the path of this token, and watches its folder.
    ///
    /// # Panics
    /// If that fails.
    pub fn mount_token(&mut self, token: &ProjectedToken) {
        let path = folder::workspace().join("envoy").join(TOKEN_SECRET);
        let secret = fs::read_to_string(path).expect("the secret");
        let volume = token.folder().display().to_string();
        let secret = secret.replace(TOKEN_VOLUME, &volume);
        fs::write(self.path(TOKEN_SECRET), secret).expect("a secret");
        self.replace(TOKEN_VOLUME, &volume);
    }

    /// Writes `policy-updates-filter.yaml` with its policy changed, by a rename, which is the event that Envoy watches for.
    ///
    /// # Panics
    /// If that fails.
    pub fn write_filter(&self, edit: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(folder::workspace().join("envoy").join(FILTER));
        let text = text
            .expect("the filter")
            .replace(FILES, &self.folder.display().to_string());
        let mut document = yaml::read(&text).expect("YAML");
        edit(&mut document["resources"][0]["typed_config"]["config"]["configuration"]["value"]);
        let folder = self.folder.join(FILTER_FOLDER);
        fs::create_dir_all(&folder).expect("a folder");
        let draft = self.folder.join("filter.draft");
        fs::write(&draft, document.to_string()).expect("a filter");
        fs::rename(draft, folder.join(FILTER)).expect("a move within a file system");
    }

    fn manager(&self) -> &Value {
        let chain = &self.document["static_resources"]["listeners"][0]["filter_chains"][0];
        &chain["filters"][0]["typed_config"]
    }

    /// The path of a file with this name.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Replaces `from` with `to` in all strings.
    pub fn replace(&mut self, from: &str, to: &str) {
        each_text(&mut self.document, &mut |text| {
            if text.contains(from) {
                *text = text.replace(from, to);
            }
        });
    }

    /// Changes the policy.
    pub fn edit_policy(&mut self, edit: impl FnOnce(&mut Value)) {
        let chain = &mut self.document["static_resources"]["listeners"][0]["filter_chains"][0];
        let filters = &mut chain["filters"][0]["typed_config"]["http_filters"];
        edit(&mut filters[0]["typed_config"]["config"]["configuration"]["value"]);
    }

    /// Sets the address it listens on.
    pub fn listen(&mut self, address: SocketAddr) {
        self.document["static_resources"]["listeners"][0]["address"] = socket(address);
    }

    /// Sets the address of the admin interface.
    pub fn admin(&mut self, address: SocketAddr) {
        self.document["admin"]["address"] = socket(address);
    }

    /// The endpoint of a cluster.
    ///
    /// # Panics
    /// If there is no such cluster.
    #[must_use]
    pub fn endpoint(&self, cluster: &str) -> &Value {
        let clusters = self.document["static_resources"]["clusters"].as_array();
        let mut clusters = clusters.expect("a list of clusters").iter();
        let found = clusters.find(|found| found["name"] == cluster);
        let found = found.unwrap_or_else(|| panic!("no cluster {cluster}"));
        &found["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    }

    /// Sets the endpoint of a cluster.
    ///
    /// # Panics
    /// If there is no such cluster.
    pub fn set_endpoint(&mut self, cluster: &str, address: SocketAddr) {
        self.cluster(cluster)["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
            socket(address);
    }

    /// Uses HTTP/2 for a cluster.
    ///
    /// # Panics
    /// If there is no such cluster.
    pub fn use_http2(&mut self, cluster: &str) {
        bootstrap::use_http2(self.cluster(cluster));
    }

    fn cluster(&mut self, name: &str) -> &mut Value {
        let clusters = self.document["static_resources"]["clusters"].as_array_mut();
        let mut clusters = clusters.expect("a list of clusters").iter_mut();
        let found = clusters.find(|found| found["name"] == name);
        found.unwrap_or_else(|| panic!("no cluster {name}"))
    }

    /// Writes the configuration file for Envoy.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn write(&self) -> PathBuf {
        let path = self.folder.join("envoy.json");
        fs::write(&path, format!("{:#}", self.document)).expect("a configuration file");
        path
    }

    /// Starts Envoy with it and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; the message has the end of its log.
    pub async fn start(&self, version: Version) -> RunningExample {
        let listener = &self.document["static_resources"]["listeners"][0]["address"];
        let admin = &self.document["admin"]["address"];
        let addresses = [listener, admin].map(address);
        RunningExample::start(version, &self.write(), addresses, self.trust.clone()).await
    }
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}

fn address(socket: &Value) -> SocketAddr {
    let socket = &socket["socket_address"];
    let ip = socket["address"].as_str().and_then(|ip| ip.parse().ok());
    let port = socket["port_value"]
        .as_u64()
        .and_then(|port| port.try_into().ok());
    SocketAddr::new(ip.expect("an address"), port.expect("a port"))
}

fn each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|value| each_text(value, change)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| each_text(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
