//! The configurations that the project ships, run as they are but for ports, addresses and paths.

mod running;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};

pub use running::RunningExample;

use super::authority::Authority;
use super::envoy::Version;
use super::{folder, tools, yaml};
use running::ACCESS_LOG;

/// Where the shipped files expect the filter and the certificates.
const FILES: &str = "/etc/portcullis";
/// Where they write the access log.
const STANDARD_OUTPUT: &str = "/dev/stdout";

/// A file of the folder `envoy`, with a folder of its own to run in.
#[derive(Clone, Debug)]
pub struct ExampleConfig {
    document: Value,
    folder: PathBuf,
    trust: Option<Arc<ClientConfig>>,
}

impl ExampleConfig {
    /// Every file there is, by its name.
    ///
    /// # Panics
    /// When the folder cannot be read.
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
            .collect();
        names.sort();
        names
    }

    /// The file of this name. It finds the filter's module and the access log's place in a new
    /// folder; certificates go there with [`ExampleConfig::file`].
    ///
    /// # Panics
    /// When the file is no YAML, or the module is not built.
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
        config.file("portcullis.wasm", &tools::module());
        for (from, to) in [(FILES, ""), (STANDARD_OUTPUT, ACCESS_LOG)] {
            let place = config.path(to);
            config.replace(from, place.trim_end_matches('/'));
        }
        config
    }

    /// The policy in it.
    ///
    /// # Panics
    /// When there is no filter of ours in it.
    #[must_use]
    pub fn policy(&self) -> &Value {
        let mut filters = self.manager()["http_filters"]
            .as_array()
            .expect("a list")
            .iter();
        let ours = filters.find(|filter| filter["name"] == "portcullis");
        &ours.expect("our filter")["typed_config"]["config"]["configuration"]["value"]
    }

    /// Where its virtual hosts lead to, by the names of clusters.
    ///
    /// # Panics
    /// When a route leads to no cluster.
    #[must_use]
    pub fn route_clusters(&self) -> Vec<&str> {
        let hosts = self.manager()["route_config"]["virtual_hosts"].as_array();
        let hosts = hosts.expect("a list").iter();
        let routes = hosts.flat_map(|host| host["routes"].as_array().expect("a list"));
        routes
            .map(|route| route["route"]["cluster"].as_str().expect("a cluster"))
            .collect()
    }

    /// What the access log says of each request.
    #[must_use]
    pub fn access_log_format(&self) -> &Value {
        &self.manager()["access_log"][0]["typed_config"]["log_format"]["json_format"]
    }

    /// Puts a copy of a file where it looks for its own.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn file(&self, name: &str, from: &Path) {
        fs::copy(from, self.folder.join(name))
            .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }

    /// Gives it a certificate of this authority for these hosts, where it terminates TLS.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn set_certificate(&mut self, authority: &Authority, hosts: &[&str]) {
        let identity = authority.identity(hosts);
        self.file("certificate.pem", &identity.certificate);
        self.file("key.pem", &identity.key);
        self.trust = Some(authority.trust());
    }

    fn manager(&self) -> &Value {
        let chain = &self.document["static_resources"]["listeners"][0]["filter_chains"][0];
        &chain["filters"][0]["typed_config"]
    }

    /// Where it looks for a file of this name.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes `to` wherever `from` stands in a text.
    pub fn replace(&mut self, from: &str, to: &str) {
        each_text(&mut self.document, &mut |text| {
            if text.contains(from) {
                *text = text.replace(from, to);
            }
        });
    }

    /// Lets it listen there.
    pub fn listen(&mut self, address: SocketAddr) {
        self.document["static_resources"]["listeners"][0]["address"] = socket(address);
    }

    /// Lets it tell of itself there.
    pub fn admin(&mut self, address: SocketAddr) {
        self.document["admin"]["address"] = socket(address);
    }

    /// Where a cluster leads.
    ///
    /// # Panics
    /// When there is no such cluster.
    #[must_use]
    pub fn endpoint(&self, cluster: &str) -> &Value {
        let clusters = self.document["static_resources"]["clusters"].as_array();
        let mut clusters = clusters.expect("a list of clusters").iter();
        let found = clusters.find(|found| found["name"] == cluster);
        let found = found.unwrap_or_else(|| panic!("no cluster {cluster}"));
        &found["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    }

    /// Lets a cluster lead there.
    ///
    /// # Panics
    /// When there is no such cluster.
    pub fn set_endpoint(&mut self, cluster: &str, address: SocketAddr) {
        let clusters = self.document["static_resources"]["clusters"].as_array_mut();
        let mut clusters = clusters.expect("a list of clusters").iter_mut();
        let found = clusters.find(|found| found["name"] == cluster);
        let found = found.unwrap_or_else(|| panic!("no cluster {cluster}"));
        found["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
            socket(address);
    }

    /// Writes it down for Envoy.
    ///
    /// # Panics
    /// When that cannot be done.
    #[must_use]
    pub fn write(&self) -> PathBuf {
        let path = self.folder.join("envoy.json");
        fs::write(&path, format!("{:#}", self.document)).expect("a configuration file");
        path
    }

    /// Starts an Envoy with it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
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
