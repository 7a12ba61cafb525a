//! The alpha configuration, in YAML.

use std::collections::BTreeMap;

use super::flags::nearest;
use super::{Input, without_sources};
use crate::document::{Document, Node, Report, Value};
use crate::migration::oauth2_proxy::options::{self, Becomes, alpha_fields};
use crate::migration::oauth2_proxy::outcome::{Line, Outcome};
use crate::migration::oauth2_proxy::setting::Setting;

/// What an alpha configuration says.
#[derive(Debug, Default)]
pub(in crate::migration::oauth2_proxy) struct Alpha {
    /// Fields that are options.
    pub(in crate::migration::oauth2_proxy) settings: Vec<Setting>,
    /// Fields that are none.
    pub(in crate::migration::oauth2_proxy) lines: Vec<Line>,
    pub(in crate::migration::oauth2_proxy) headers: Vec<Header>,
    pub(in crate::migration::oauth2_proxy) errors: Vec<Report>,
}

/// A header that is sent to apps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::migration::oauth2_proxy) struct Header {
    /// Its path in the file.
    pub(in crate::migration::oauth2_proxy) path: String,
    pub(in crate::migration::oauth2_proxy) name: String,
    /// The claim that is its only value, as it is.
    pub(in crate::migration::oauth2_proxy) claim: Option<String>,
    /// Whether it is for the response to the proxy, not for the app.
    pub(in crate::migration::oauth2_proxy) is_response: bool,
}

/// Reads an alpha configuration. `variables` are for `${NAME}`.
pub(in crate::migration::oauth2_proxy) fn read(
    input: &Input,
    variables: &BTreeMap<String, String>,
) -> Alpha {
    let name = if input.name.ends_with(".yaml") || input.name.ends_with(".yml") {
        input.name.clone()
    } else {
        // The extension decides how a document is parsed.
        format!("{} (YAML)", input.name)
    };
    let (documents, error) = Document::parse_all(&name, input.text.clone().into_bytes());
    let mut errors: Vec<Report> = error.into_iter().collect();
    errors.extend(documents.iter().flat_map(Document::errors));
    let mut reader = Reader {
        variables,
        alpha: Alpha::default(),
    };
    for document in &documents {
        reader.block(document, document.root(), "", "");
    }
    let mut alpha = reader.alpha;
    errors.append(&mut alpha.errors);
    alpha.errors = without_sources(errors);
    alpha
}

struct Reader<'a> {
    variables: &'a BTreeMap<String, String>,
    alpha: Alpha,
}

// === impl Reader ===

impl Reader<'_> {
    /// Reads a value. `path` is its path, and `pattern` the same without the numbers of elements.
    fn block(&mut self, document: &Document, node: &Node, path: &str, pattern: &str) {
        let is_known = |pattern: &str| {
            alpha_fields().iter().any(|field| {
                let rest = field.path.strip_prefix(pattern);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        if !pattern.is_empty() && !is_known(pattern) {
            let parent = pattern.rsplit_once('.').map_or("", |(parent, _)| parent);
            let last = pattern.rsplit('.').next().unwrap_or(pattern);
            let start = if parent.is_empty() {
                String::new()
            } else {
                format!("{parent}.")
            };
            let mut known: Vec<&str> = alpha_fields()
                .iter()
                .filter_map(|field| field.path.strip_prefix(&start))
                .filter_map(|rest| rest.split(['.', '[']).next())
                .collect();
            known.dedup();
            let problem = format!("oauth2-proxy 7.15 has no field `{last}` here");
            let report = document.report(path, &problem, &nearest(last, &known));
            self.alpha.errors.push(report);
            return;
        }
        if let Some(kind) = ["injectRequestHeaders[]", "injectResponseHeaders[]"]
            .iter()
            .find(|kind| **kind == pattern)
        {
            self.check(document, node, path, pattern);
            self.header(node, path, kind.contains("Response"));
            return;
        }
        if pattern == "providers[].loginURLParameters[]" {
            self.check(document, node, path, pattern);
            self.parameter(node, path);
            return;
        }
        if pattern == "providers[]" && path != "providers[0]" {
            self.line(
                path,
                None,
                Outcome::NeedsYou,
                "providers[]",
                "oauth2-proxy uses the first provider alone: add it to `providers` with a name",
            );
            return;
        }
        match &node.value {
            Value::Map(members) => {
                for (name, value) in members {
                    let (path, pattern) = (
                        join(path, &name.text),
                        join(pattern, &canonical(pattern, &name.text)),
                    );
                    self.block(document, value, &path, &pattern);
                }
            }
            Value::List(elements) if is_known(&format!("{pattern}[]")) => {
                for (element, index) in elements.iter().zip(0..) {
                    let (path, pattern) = (format!("{path}[{index}]"), format!("{pattern}[]"));
                    self.block(document, element, &path, &pattern);
                }
            }
            _ => self.leaf(document, node, path, pattern),
        }
    }

    /// Refuses unknown fields in a part that has one line as a whole.
    fn check(&mut self, document: &Document, node: &Node, path: &str, pattern: &str) {
        let Value::Map(members) = &node.value else {
            return;
        };
        for (name, value) in members {
            let (path, pattern) = (
                join(path, &name.text),
                join(pattern, &canonical(pattern, &name.text)),
            );
            let known = alpha_fields().iter().any(|field| {
                let rest = field.path.strip_prefix(pattern.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            if known {
                match &value.value {
                    Value::List(elements) => {
                        for (element, index) in elements.iter().zip(0..) {
                            let (path, pattern) =
                                (format!("{path}[{index}]"), format!("{pattern}[]"));
                            self.check(document, element, &path, &pattern);
                        }
                    }
                    _ => self.check(document, value, &path, &pattern),
                }
            } else {
                let problem = format!("oauth2-proxy 7.15 has no field `{}` here", name.text);
                let report = document.report(&path, &problem, &nearest(&name.text, &[]));
                self.alpha.errors.push(report);
            }
        }
    }

    fn leaf(&mut self, document: &Document, node: &Node, path: &str, pattern: &str) {
        let field = alpha_fields().iter().find(|field| field.path == pattern);
        let Some(field) = field else {
            let help = "write the fields in it, or remove it";
            self.alpha
                .errors
                .push(document.report(path, "expected a mapping or a list", help));
            return;
        };
        let values: Vec<String> = match &node.value {
            Value::List(elements) => elements.iter().map(|one| self.text(one)).collect(),
            Value::Null => Vec::new(),
            _ => vec![self.text(node)],
        };
        match field.becomes {
            Becomes::Option(flag) => {
                if let Some(option) = options::by_flag(flag) {
                    let name = path.to_owned();
                    self.alpha.settings.push(Setting {
                        option,
                        name,
                        values,
                    });
                }
            }
            Becomes::Own(outcome, to, why) => {
                let is_secret = pattern.ends_with(".value");
                let value = if is_secret {
                    "<secret>".to_owned()
                } else {
                    values.join(",")
                };
                self.line(path, Some(value), outcome, to, why);
            }
            Becomes::Header | Becomes::Parameter => {}
        }
    }

    fn header(&mut self, node: &Node, path: &str, is_response: bool) {
        let name = node
            .member("name")
            .and_then(Node::as_text)
            .unwrap_or_default();
        let values = node
            .member("values")
            .and_then(Node::as_list)
            .unwrap_or_default();
        let claim = match values {
            [value] => {
                let source = member(value, "claimSource").unwrap_or(value);
                let is_plain = ["prefix", "basicAuthPassword"]
                    .iter()
                    .all(|part| member(source, part).is_none())
                    && node
                        .member("preserveRequestValue")
                        .is_none_or(|keep| keep.value != Value::Bool(true));
                let claim = member(source, "claim").and_then(Node::as_text);
                claim.filter(|_| is_plain).map(str::to_owned)
            }
            _ => None,
        };
        self.alpha.headers.push(Header {
            path: path.to_owned(),
            name: name.to_owned(),
            claim,
            is_response,
        });
    }

    /// A parameter of the authorization request.
    fn parameter(&mut self, node: &Node, path: &str) {
        let name = node
            .member("name")
            .and_then(Node::as_text)
            .unwrap_or_default()
            .to_owned();
        let default = node
            .member("default")
            .and_then(Node::as_list)
            .unwrap_or_default();
        let values: Vec<String> = default.iter().map(|one| self.text(one)).collect();
        let has_allow = member(node, "allow").is_some();
        let flag = match &*name {
            "prompt" => Some("prompt"),
            "acr_values" => Some("acr-values"),
            "approval_prompt" => Some("approval-prompt"),
            _ => None,
        };
        let option = flag.and_then(options::by_flag);
        match (option, values.as_slice()) {
            (Some(option), [value]) if !has_allow => self.alpha.settings.push(Setting {
                option,
                name: path.to_owned(),
                values: vec![value.clone()],
            }),
            _ => {
                let why = "write it to `authorize_params`, unless the protocol uses it itself; clients can't choose its value";
                self.line(
                    path,
                    Some(name),
                    Outcome::NeedsYou,
                    "providers[0].authorize_params",
                    why,
                );
            }
        }
    }

    fn line(&mut self, path: &str, value: Option<String>, outcome: Outcome, to: &str, why: &str) {
        self.alpha.lines.push(Line {
            name: path.to_owned(),
            value: value.map(|value| crate::document::credentials_removed(&value)),
            outcome,
            to: Some(to.to_owned()).filter(|to| !to.is_empty()),
            why: why.to_owned(),
        });
    }

    /// A scalar as text, with `${NAME}` replaced by the variables there are.
    fn text(&self, node: &Node) -> String {
        let text = match node.as_text() {
            Some(text) => text.to_owned(),
            None => node.to_string(),
        };
        let mut parts = text.split("${");
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let variable = part.split_once('}');
            match variable.and_then(|(name, rest)| Some((self.variables.get(name)?, rest))) {
                Some((value, rest)) => {
                    replaced.push_str(value);
                    replaced.push_str(rest);
                }
                None => {
                    replaced.push_str("${");
                    replaced.push_str(part);
                }
            }
        }
        replaced
    }
}

/// The member of this name of a mapping, in any case.
fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let members = node.as_map()?;
    let found = members
        .iter()
        .find(|(own, _)| own.text.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// The name of a field as it is documented: oauth2-proxy ignores case, and its chart makes use of that.
fn canonical(pattern: &str, name: &str) -> String {
    let start = join(pattern, "");
    let rest = alpha_fields()
        .iter()
        .filter_map(|field| field.path.strip_prefix(&start));
    let mut names = rest.filter_map(|rest| rest.split(['.', '[']).next());
    let found = names.find(|known| known.eq_ignore_ascii_case(name));
    found.unwrap_or(name).to_owned()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
