//! Configurations of Envoy: bootstraps, and listeners in files.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Found, FoundPolicy, Kind, Warning, is_policy, join, names_us};
use crate::document::{Document, Node, Value};

/// The end of the type of the filter's configuration.
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The end of the type of a dynamic module's configuration.
const MODULE: &str = "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter";

/// Whether a document is a bootstrap, or a file with listeners.
pub(super) fn is_configuration(root: &Node) -> bool {
    let is_map = |name| root.member(name).and_then(Node::as_map).is_some();
    let is_typed = |node: &Node| node.member("@type").is_some();
    let resources = root.member("resources").and_then(Node::as_list);
    [
        "static_resources",
        "staticResources",
        "dynamic_resources",
        "dynamicResources",
    ]
    .into_iter()
    .any(is_map)
        || resources.is_some_and(|resources| resources.iter().any(is_typed))
        || is_typed(root)
}

/// Adds the policies of all filters that are ours.
pub(super) fn add(found: &mut Found, document: &Rc<Document>) {
    let mut filters = Vec::new();
    walk(document.root(), "", &mut filters);
    let mut ours = 0;
    for (at, filter) in filters {
        let read = Filter { document, at };
        ours += usize::from(read.add(found, filter));
    }
    if ours == 0 {
        found.others += 1;
    }
}

/// Finds the configurations of filters: the values with one of the types, anywhere.
fn walk<'a>(node: &'a Node, at: &str, filters: &mut Vec<(String, &'a Node)>) {
    match &node.value {
        Value::Map(members) => {
            let kind = node.member("@type").and_then(Node::as_text);
            if kind.is_some_and(|kind| kind.ends_with(WASM) || kind.ends_with(MODULE)) {
                filters.push((at.to_owned(), node));
                return;
            }
            for (name, member) in members {
                walk(member, &join(at, &name.text), filters);
            }
        }
        Value::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                walk(element, &format!("{at}[{index}]"), filters);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where the configuration of a filter is.
struct Filter<'a> {
    document: &'a Rc<Document>,
    at: String,
}

impl Filter<'_> {
    /// Adds its policy, if it is ours. Whether it is.
    fn add(&self, found: &mut Found, filter: &Node) -> bool {
        let kind = filter.member("@type").and_then(Node::as_text);
        let is_module = kind.is_some_and(|kind| kind.ends_with(MODULE));
        let names: &[&str] = if is_module {
            &["filter_config", "filterConfig"]
        } else {
            &["config.configuration"]
        };
        let configuration = names
            .iter()
            .find_map(|path| Some((*path, filter.at(path)?)));
        if !is_ours(filter, configuration.map(|(_, node)| node)) {
            return false;
        }
        let Some((path, configuration)) = configuration else {
            let problem = "the filter has no configuration";
            let help = "write the policy there; without one, the filter does not start";
            found
                .errors
                .push(self.document.report(&self.at, problem, help));
            return true;
        };
        self.policy(found, configuration, &join(&self.at, path));
        self.fail_open(found, filter);
        true
    }

    /// Adds the policy of a `google.protobuf.Any` at a path.
    fn policy(&self, found: &mut Found, any: &Node, at: &str) {
        let kind = any
            .member("@type")
            .and_then(Node::as_text)
            .unwrap_or_default();
        let value_at = join(at, "value");
        let Some(value) = any.member("value") else {
            let problem = "the configuration has no value";
            let help = "write the policy under `value`";
            found.errors.push(self.document.report(at, problem, help));
            return;
        };
        let document = self.document;
        let root = match kind.rsplit('/').next().unwrap_or_default() {
            "google.protobuf.Struct" => Ok(value.clone()),
            "google.protobuf.StringValue" => document.embedded(value, "policy.json"),
            "google.protobuf.BytesValue" => decoded(value).map_or_else(
                || {
                    let help = "write the policy's JSON in base64";
                    Err(document.report(&value_at, "is not text in base64", help))
                },
                |text| document.embedded(&text, "policy.json"),
            ),
            _ => {
                let problem = "this type can't hold a policy";
                let help = "write a google.protobuf.Struct, StringValue or BytesValue";
                Err(document.report(&join(at, "@type"), problem, help))
            }
        };
        match root {
            Ok(root) => {
                let mut policy = FoundPolicy::new(Kind::Envoy, None, document, &value_at, root);
                policy.is_envoy_yaml = kind.ends_with("Struct");
                found.policies.push(policy);
            }
            Err(report) => found.errors.push(report),
        }
    }

    fn fail_open(&self, found: &mut Found, filter: &Node) {
        let text = |path: &str| filter.at(path).map(Node::to_string);
        for path in [
            "config.failure_policy",
            "config.failurePolicy",
            "config.fail_open",
            "config.failOpen",
        ] {
            if matches!(text(path).as_deref(), Some("\"FAIL_OPEN\"" | "true")) {
                let problem = "when it fails open, EVERY REQUEST IS ALLOWED while the filter can't be loaded or run";
                let help = "write `failure_policy: FAIL_RELOAD`";
                let at = join(&self.at, path);
                found
                    .warnings
                    .push(Warning::new(self.document, &at, problem, help));
            }
        }
    }
}

/// Whether a filter is Portcullis: its configuration is a policy, or a name or the module's file says so.
fn is_ours(filter: &Node, configuration: Option<&Node>) -> bool {
    let names = [
        "config.name",
        "config.root_id",
        "config.rootId",
        "config.vm_config.vm_id",
        "config.vm_config.code.local.filename",
        "filter_name",
        "filterName",
        "dynamic_module_config.name",
    ];
    let value = configuration.and_then(|any| any.member("value"));
    value.is_some_and(|value| is_policy(value) || is_json_policy(value)) || names_us(filter, &names)
}

/// Whether a string is a policy in JSON, or in base64 of it.
fn is_json_policy(value: &Node) -> bool {
    let decoded = decoded(value);
    let text = decoded.as_ref().unwrap_or(value).as_text();
    text.is_some_and(|text| text.contains("\"apps\""))
}

/// The text of a string in base64, in the place of the string.
fn decoded(node: &Node) -> Option<Node> {
    let bytes = STANDARD.decode(node.as_text()?.trim()).ok()?;
    Some(Node {
        span: node.span.clone(),
        value: Value::String(String::from_utf8(bytes).ok()?),
    })
}
