//! Objects of Kubernetes.

use std::rc::Rc;

use super::{Found, FoundPolicy, Kind, is_policy, join, names_us, plugin};
use crate::document::{Document, Node};

/// The keys of a ConfigMap that are policies.
const POLICY_KEYS: [&str; 3] = ["portcullis.yaml", "portcullis.yml", "portcullis.json"];

/// Whether a document is an object of Kubernetes.
pub(super) fn is_object(root: &Node) -> bool {
    let is_text = |name| root.member(name).and_then(Node::as_text).is_some();
    is_text("apiVersion") && is_text("kind")
}

/// Adds the object at a path of a document.
pub(super) fn add(found: &mut Found, document: &Rc<Document>, object: &Node, at: &str) {
    let text = |name| {
        object
            .member(name)
            .and_then(Node::as_text)
            .unwrap_or_default()
    };
    let group = text("apiVersion").split('/').next().unwrap_or_default();
    match (text("kind"), group) {
        ("ConfigMap", "v1") => config_map(found, document, object, at),
        ("WasmPlugin", "extensions.istio.io") => {
            istio_plugin(found, Kind::WasmPlugin, document, object, at, "spec");
        }
        ("TrafficExtension", "extensions.istio.io") => {
            let kind = Kind::TrafficExtension;
            istio_plugin(found, kind, document, object, at, "spec.wasm");
        }
        ("EnvoyExtensionPolicy", "gateway.envoyproxy.io") => {
            extension_policy(found, document, object, at);
        }
        ("ServiceEntry", "networking.istio.io") => {
            found.services.add_entry(object);
            found.others += 1;
        }
        ("Service", "v1") => {
            found.services.add_service(object);
            found.others += 1;
        }
        (kind, _) if kind.ends_with("List") && object.member("items").is_some() => {
            let items = object.member("items").and_then(Node::as_list);
            for (index, item) in items.unwrap_or_default().iter().enumerate() {
                add(found, document, item, &join(at, &format!("items[{index}]")));
            }
        }
        _ => found.others += 1,
    }
}

/// `NAMESPACE/NAME`.
fn name_of(object: &Node) -> String {
    let text = |name| {
        let metadata = object.member("metadata")?;
        metadata.member(name)?.as_text()
    };
    let namespace = text("namespace").unwrap_or("default");
    format!("{namespace}/{}", text("name").unwrap_or("(no name)"))
}

/// Whether a plugin is Portcullis: its configuration is a policy, or its name or image says so.
pub(super) fn is_ours(plugin: &Node, config: &str, url: &str) -> bool {
    plugin.member(config).is_some_and(is_policy)
        || names_us(plugin, &[url, "name", "pluginName", "rootID"])
}

/// Adds an object of Istio that loads the filter. `fields` is the path of the plugin in it.
fn istio_plugin(
    found: &mut Found,
    kind: Kind,
    document: &Rc<Document>,
    object: &Node,
    at: &str,
    fields: &str,
) {
    const CONFIG: &str = "pluginConfig";

    let Some(plugin) = object.at(fields) else {
        found.others += 1;
        return;
    };
    let is_named = names_us(object, &["metadata.name"]);
    if plugin.as_map().is_none() || !(is_named || is_ours(plugin, CONFIG, "url")) {
        return other(found, document, plugin);
    }
    let (name, plugin_at) = (name_of(object), join(at, fields));
    configuration(found, kind, &name, document, plugin, &plugin_at, CONFIG);
    add_plugin(found, kind, &name, document, object, at);
}

fn extension_policy(found: &mut Found, document: &Rc<Document>, object: &Node, at: &str) {
    let plugins = object
        .at("spec.wasm")
        .and_then(Node::as_list)
        .unwrap_or_default();
    let mut ours = 0;
    for (index, plugin) in plugins.iter().enumerate() {
        if is_ours(plugin, "config", "code.image.url") {
            ours += 1;
            let at = join(at, &format!("spec.wasm[{index}]"));
            let kind = Kind::EnvoyExtensionPolicy;
            configuration(
                found,
                kind,
                &name_of(object),
                document,
                plugin,
                &at,
                "config",
            );
        }
    }
    if ours == 0 {
        return other(found, document, object);
    }
    add_plugin(
        found,
        Kind::EnvoyExtensionPolicy,
        &name_of(object),
        document,
        object,
        at,
    );
}

/// Counts a plugin that is not ours. One that is written by aliases may be ours.
fn other(found: &mut Found, document: &Rc<Document>, node: &Node) {
    found.others += 1;
    found.errors.extend(document.findings(node));
}

fn add_plugin(
    found: &mut Found,
    kind: Kind,
    name: &str,
    document: &Rc<Document>,
    object: &Node,
    at: &str,
) {
    let (plugin, warnings) = plugin::read(kind, name, document, object, at);
    found.plugins.push(plugin);
    found.warnings.extend(warnings);
}

/// Adds the policy of a plugin.
fn configuration(
    found: &mut Found,
    kind: Kind,
    name: &str,
    document: &Rc<Document>,
    plugin: &Node,
    at: &str,
    config: &str,
) {
    match plugin.member(config) {
        Some(policy) => {
            let name = Some(name.to_owned());
            let at = join(at, config);
            found
                .policies
                .push(FoundPolicy::new(kind, name, document, &at, policy.clone()));
        }
        None => {
            let problem = format!("missing field `{config}`");
            let help = "write the policy there; without one, the filter does not start";
            found.errors.push(document.report(at, &problem, help));
        }
    }
}

fn config_map(found: &mut Found, document: &Rc<Document>, object: &Node, at: &str) {
    let data = object
        .member("data")
        .and_then(Node::as_map)
        .unwrap_or_default();
    let mut policies = 0;
    for (key, value) in data {
        if !POLICY_KEYS.contains(&&*key.text) {
            continue;
        }
        policies += 1;
        let at = join(at, &format!("data.{}", key.text));
        match document.embedded(value, &key.text) {
            Ok(root) => {
                let name = Some(name_of(object));
                found
                    .policies
                    .push(FoundPolicy::new(Kind::ConfigMap, name, document, &at, root));
            }
            Err(report) => found.errors.push(report),
        }
    }
    if policies == 0 {
        found.others += 1;
    }
}
