//! The services of a mesh: which hosts its proxies can reach.

use super::{FoundPolicy, Warning};
use crate::document::{Node, Value};

/// The hosts and ports of the services in the input.
#[derive(Debug, Default)]
pub(super) struct Services {
    has_entries: bool,
    has_services: bool,
    known: Vec<(String, Vec<String>)>,
}

impl Services {
    /// Adds a ServiceEntry of Istio.
    pub(super) fn add_entry(&mut self, object: &Node) {
        self.has_entries = true;
        let hosts = object.at("spec.hosts").and_then(Node::as_list);
        let ports = ports(object, "number");
        let hosts = hosts.unwrap_or_default().iter().filter_map(Node::as_text);
        self.known
            .extend(hosts.map(|host| (host.to_owned(), ports.clone())));
    }

    /// Adds a Service of Kubernetes.
    pub(super) fn add_service(&mut self, object: &Node) {
        self.has_services = true;
        let text = |path: &str| object.at(path).and_then(Node::as_text);
        let namespace = text("metadata.namespace").unwrap_or("default");
        if let Some(name) = text("metadata.name") {
            let host = format!("{name}.{namespace}.svc.cluster.local");
            self.known.push((host, ports(object, "port")));
        }
    }

    /// Whether a service has this host and port.
    fn has(&self, host: &str, port: &str) -> bool {
        self.known.iter().any(|(known, ports)| {
            let is_host = known == host
                || known
                    .strip_prefix('*')
                    .is_some_and(|suffix| host.ends_with(suffix));
            is_host && (ports.is_empty() || ports.iter().any(|known| known == port))
        })
    }
}

/// The numbers of an object's ports.
fn ports(object: &Node, name: &str) -> Vec<String> {
    let ports = object.at("spec.ports").and_then(Node::as_list);
    let ports = ports.unwrap_or_default().iter();
    let numbers = ports.filter_map(|port| match &port.member(name)?.value {
        Value::Number(number) => Some(number.clone()),
        _ => None,
    });
    numbers.collect()
}

/// Warnings about clusters of a policy that the mesh can't have, because nothing in the input names their host.
pub(super) fn unknown_hosts(found: &FoundPolicy, services: &Services) -> Vec<Warning> {
    if !(services.has_entries || found.kind.is_in_mesh()) {
        return Vec::new();
    }
    let root = found.root();
    let entries = root
        .member("trust")
        .and_then(Node::as_list)
        .unwrap_or_default();
    let trusts = entries.iter().enumerate().filter_map(|(index, trust)| {
        let cluster = trust.at("keys.envoy_cluster")?.as_text()?;
        Some((format!("trust[{index}].keys.envoy_cluster"), cluster))
    });
    let sso = root.at("sso.envoy_cluster").and_then(Node::as_text);
    let sso = sso.map(|cluster| ("sso.envoy_cluster".to_owned(), cluster));
    let mut warnings = Vec::new();
    for (path, cluster) in trusts.chain(sso) {
        let parts: Vec<&str> = cluster.split('|').collect();
        let ["outbound", port, _, host] = *parts.as_slice() else {
            continue;
        };
        let is_internal = host.ends_with(".svc.cluster.local");
        // The services of a cluster are seldom in the input.
        if is_internal && !services.has_services || host == "kubernetes.default.svc.cluster.local" {
            continue;
        }
        if !services.has(host, port) {
            let kind = if is_internal {
                "Service"
            } else {
                "ServiceEntry"
            };
            let problem =
                format!("no {kind} in the input has the host `{host}` with the port {port}");
            let help = format!("add one, or the proxies have no cluster `{cluster}`");
            warnings.push(found.warning(&path, &problem, &help));
        }
    }
    warnings
}
