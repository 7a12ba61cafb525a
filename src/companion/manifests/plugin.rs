//! What is checked in the objects that load the filter into proxies, besides the policy.

use std::rc::Rc;

use super::{Kind, Warning, join};
use crate::document::{Document, Node};

/// An object that loads the filter into proxies.
#[derive(Debug)]
pub(super) struct Plugin {
    kind: Kind,
    /// `NAMESPACE/NAME`.
    name: String,
    namespace: String,
    document: Rc<Document>,
    /// The path of `targetRefs` or `selector`, and what they select, in one spelling.
    target: (String, String),
}

/// Reads the object at a path of a document. Returns it with the warnings about it.
pub(super) fn read(
    kind: Kind,
    name: &str,
    document: &Rc<Document>,
    object: &Node,
    at: &str,
) -> (Plugin, Vec<Warning>) {
    let spec = object.member("spec");
    let reader = Reader {
        document,
        spec,
        at: join(at, "spec"),
    };
    let warnings = match kind {
        Kind::EnvoyExtensionPolicy => reader.envoy_gateway(),
        _ => reader.istio(kind),
    };
    let plugin = Plugin {
        kind,
        name: name.to_owned(),
        namespace: name.split('/').next().unwrap_or_default().to_owned(),
        document: Rc::clone(document),
        target: reader.target(),
    };
    (plugin, warnings)
}

/// Warnings about several objects on the same proxies: each request would have to pass all of them.
pub(super) fn duplicates(plugins: &[Plugin]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (index, plugin) in plugins.iter().enumerate() {
        let same = |other: &&Plugin| {
            other.namespace == plugin.namespace
                && other.target.1 == plugin.target.1
                && (other.kind, &other.name) != (plugin.kind, &plugin.name)
        };
        let Some(other) = plugins.iter().take(index).find(same) else {
            continue;
        };
        let problem = format!(
            "{} {} has the same target, so each request must pass two policies",
            other.kind.name(),
            other.name
        );
        let help = "merge the policies, and keep one of the two";
        let (path, _) = &plugin.target;
        warnings.push(Warning::new(&plugin.document, path, &problem, help));
    }
    warnings
}

/// A `spec` and its path.
struct Reader<'a> {
    document: &'a Document,
    spec: Option<&'a Node>,
    at: String,
}

impl Reader<'_> {
    /// The text of a field of `spec`.
    fn text(&self, path: &str) -> Option<&str> {
        self.spec?.at(path)?.as_text()
    }

    fn warning(&self, path: &str, problem: &str, help: &str) -> Warning {
        Warning::new(self.document, &join(&self.at, path), problem, help)
    }

    /// WasmPlugin, or TrafficExtension with the plugin under `wasm`.
    fn istio(&self, kind: Kind) -> Vec<Warning> {
        let plugin = match kind {
            Kind::TrafficExtension => "wasm.",
            _ => "",
        };
        let field = |name: &str| format!("{plugin}{name}");
        let mut warnings = Vec::new();
        let digest = self.text(&field("sha256")).is_some();
        warnings.extend(self.image(&field("url"), digest));
        warnings.extend(self.fail_strategy(&field("failStrategy")));
        if self.text("phase") != Some("AUTHN") {
            let problem =
                "the phase is not AUTHN, so other filters see requests before the gate does";
            warnings.push(self.warning("phase", problem, "write `phase: AUTHN`"));
        }
        warnings.extend(self.modes());
        warnings
    }

    fn fail_strategy(&self, path: &str) -> Option<Warning> {
        let (problem, help) = match self.text(path) {
            Some("FAIL_RELOAD") => return None,
            Some("FAIL_OPEN") => (
                "with FAIL_OPEN, EVERY REQUEST IS ALLOWED while the filter can't be fetched, loaded or run",
                "write `failStrategy: FAIL_RELOAD`, which refuses requests until the filter runs again",
            ),
            _ => (
                "after a failure, the filter refuses all requests of a worker until the proxy restarts",
                "write `failStrategy: FAIL_RELOAD` (Istio 1.27 or newer)",
            ),
        };
        Some(self.warning(path, problem, help))
    }

    /// An image without a digest: a tag can be moved to another image.
    fn image(&self, path: &str, has_digest: bool) -> Option<Warning> {
        let url = self.text(path)?;
        if has_digest || url.contains("@sha256:") || url.starts_with("file://") {
            return None;
        }
        let is_download = url.starts_with("http://") || url.starts_with("https://");
        let (problem, help) = if is_download {
            (
                "the module has no `sha256`, so the server can replace it",
                "add `sha256`",
            )
        } else {
            (
                "the image has no digest, so the registry can replace it, and proxies keep old code under the same tag",
                "write the image with `@sha256:` and its digest instead of a tag",
            )
        };
        Some(self.warning(path, problem, help))
    }

    /// In which direction the filter is active: gateways are clients of what they route to, sidecars servers.
    fn modes(&self) -> Option<Warning> {
        let modes = self.spec.and_then(|spec| spec.member("match")?.as_list());
        let modes = modes.unwrap_or_default();
        let modes: Vec<_> = modes
            .iter()
            .map(|entry| entry.member("mode").and_then(Node::as_text))
            .map(|mode| mode.unwrap_or("CLIENT_AND_SERVER"))
            .collect();
        let both = modes.is_empty() || modes.contains(&"CLIENT_AND_SERVER");
        if self.is_gateway() {
            let is_there = both || modes.contains(&"CLIENT");
            let problem = "a gateway is a CLIENT, so this `match` keeps the filter out of it: NOTHING IS REFUSED";
            return (!is_there).then(|| self.warning("match", problem, "remove `match`"));
        }
        let is_waypoint = self
            .spec
            .is_some_and(|spec| spec.member("targetRefs").is_some());
        if is_waypoint || !(both || modes.contains(&"CLIENT")) {
            return None;
        }
        let problem = "the filter is also active for requests that the workload sends";
        Some(self.warning(
            "match",
            problem,
            "write `match: [{mode: SERVER}]` for sidecars",
        ))
    }

    /// Whether it selects gateways.
    fn is_gateway(&self) -> bool {
        let Some(spec) = self.spec else {
            return false;
        };
        let targets = spec.member("targetRefs").and_then(Node::as_list);
        let is_gateway = |target: &Node| {
            let kind = target.member("kind").and_then(Node::as_text);
            matches!(kind, Some("Gateway" | "GatewayClass"))
        };
        let labels = spec
            .member("selector")
            .and_then(|selector| selector.member("matchLabels"));
        let labels = labels.and_then(Node::as_map).unwrap_or_default();
        targets.is_some_and(|targets| targets.iter().any(is_gateway))
            || labels.iter().any(|(name, value)| {
                name.text == "gateway.networking.k8s.io/gateway-name"
                    || name.text == "istio"
                        && value.as_text().is_some_and(|text| text.contains("gateway"))
            })
    }

    fn envoy_gateway(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let plugins = self.spec.and_then(|spec| spec.member("wasm")?.as_list());
        for (index, plugin) in plugins.unwrap_or_default().iter().enumerate() {
            let at = |name: &str| format!("wasm[{index}].{name}");
            if !super::kubernetes::is_ours(plugin, "config", "code.image.url") {
                continue;
            }
            let is_open = |node: &Node| node.to_string() == "true";
            if plugin.member("failOpen").is_some_and(is_open) {
                let problem = "with `failOpen`, EVERY REQUEST IS ALLOWED while the filter can't be fetched, loaded or run";
                warnings.push(self.warning(&at("failOpen"), problem, "remove it"));
            }
            let has_digest = |path: &str| self.text(&at(path)).is_some();
            let image = has_digest("code.image.sha256");
            warnings.extend(self.image(&at("code.image.url"), image));
            let module = has_digest("code.http.sha256");
            warnings.extend(self.image(&at("code.http.url"), module));
        }
        warnings
    }

    /// What it is attached to, in one spelling.
    fn target(&self) -> (String, String) {
        let names = ["targetRefs", "targetRef", "targetSelectors", "selector"];
        let found = names.iter().find_map(|name| {
            let value = self.spec?.member(name)?;
            Some((*name, value))
        });
        match found {
            Some((name, value)) => {
                let mut targets = match value.as_list() {
                    Some(targets) => targets.iter().map(canonical).collect(),
                    None => vec![canonical(value)],
                };
                targets.sort();
                (join(&self.at, name), targets.join(","))
            }
            None => (self.at.clone(), String::new()),
        }
    }
}

/// JSON with the members in the order of their names.
fn canonical(node: &Node) -> String {
    match serde_json::from_str::<serde_json::Value>(&node.to_string()) {
        Ok(value) => {
            let sorted: Vec<_> = match value {
                serde_json::Value::Object(members) => {
                    let members = members
                        .into_iter()
                        .collect::<std::collections::BTreeMap<_, _>>();
                    members
                        .into_iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect()
                }
                other => vec![other.to_string()],
            };
            sorted.join(";")
        }
        Err(_) => node.to_string(),
    }
}
