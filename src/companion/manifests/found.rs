//! A policy that was found: where it is, and its errors with their places.

mod validation;

use std::rc::Rc;

use super::teams;
use super::{PolicyProblem, Warning, envoy_numbers, join};
use crate::document::{Diagnostic, Document, Name, Node, Report, Value};

/// What a policy is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A ConfigMap.
    ConfigMap,
    /// A configuration of Envoy.
    Envoy,
    /// An EnvoyExtensionPolicy of Envoy Gateway.
    EnvoyExtensionPolicy,
    /// A folder with one policy.
    Folder,
    /// A policy file.
    Policy,
    /// A TrafficExtension of Istio.
    TrafficExtension,
    /// Helm values.
    Values,
    /// A WasmPlugin of Istio.
    WasmPlugin,
}

impl Kind {
    /// Its name in output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Envoy => "Envoy",
            Self::EnvoyExtensionPolicy => "EnvoyExtensionPolicy",
            Self::Folder => "folder",
            Self::Policy => "policy",
            Self::TrafficExtension => "TrafficExtension",
            Self::Values => "Helm values",
            Self::WasmPlugin => "WasmPlugin",
        }
    }

    /// Whether the proxies of a mesh load it.
    pub(crate) const fn is_in_mesh(self) -> bool {
        matches!(self, Self::TrafficExtension | Self::WasmPlugin)
    }
}

/// A policy, and where it is.
#[derive(Debug)]
pub(crate) struct FoundPolicy {
    pub(crate) kind: Kind,
    /// `NAMESPACE/NAME` of an object of Kubernetes, the name of a listener, or the key of a ConfigMap.
    pub(crate) name: Option<String>,
    /// The document with all but the apps of other parts.
    pub(crate) document: Rc<Document>,
    /// The path of the policy in the document; empty for the document itself.
    pub(crate) at: String,
    root: Node,
    /// The teams, which core does not read.
    teams: Option<Node>,
    /// Whether Envoy parses the policy as YAML into a `Struct`.
    pub(crate) is_envoy_yaml: bool,
    /// The apps of other documents or other places, in order.
    parts: Vec<AppsPart>,
}

/// Apps that are not beside the rest of the policy.
#[derive(Debug)]
pub(super) struct AppsPart {
    /// The index of the first.
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) document: Rc<Document>,
    /// The path of the list.
    pub(super) at: String,
    /// The path of the file in the policy's folder.
    pub(super) file: String,
}

// === impl FoundPolicy ===

impl FoundPolicy {
    /// A document that is a policy.
    pub(super) fn whole(document: &Rc<Document>) -> Self {
        let root = document.root().clone();
        Self::new(Kind::Policy, None, document, "", root)
    }

    /// A policy in a document.
    pub(super) fn new(
        kind: Kind,
        name: Option<String>,
        document: &Rc<Document>,
        at: &str,
        mut root: Node,
    ) -> Self {
        let teams = match &mut root.value {
            Value::Map(members) => {
                let mut teams = members.extract_if(.., |(name, _)| name.text == teams::FIELD);
                teams.next().map(|(_, value)| value)
            }
            _ => None,
        };
        Self {
            kind,
            name,
            document: Rc::clone(document),
            at: at.to_owned(),
            root,
            teams,
            is_envoy_yaml: kind == Kind::Policy,
            parts: Vec::new(),
        }
    }

    /// A policy whose apps are in files of their own, each with its path in the folder.
    pub(crate) fn folder(
        policy: Rc<Document>,
        files: Vec<(String, Rc<Document>)>,
    ) -> Result<Self, Vec<Report>> {
        let mut errors = Vec::new();
        if policy.root().member("apps").is_some() {
            let help = "move them to a file in the folder `apps`";
            errors.push(policy.report("apps", "apps are in files of their own here", help));
        }
        let mut found = Self::new(Kind::Folder, None, &policy, "", policy.root().clone());
        found.is_envoy_yaml = true;
        for (path, file) in files {
            match apps_of(file.root()) {
                Ok(apps) => found.append(&file, "apps", path, apps),
                Err((path, problem)) => {
                    let help = "write `apps` alone; all else belongs to `portcullis.yaml`";
                    let report = file.report(&path, &problem, help);
                    // A file of something else, such as a secret, must not appear in a log.
                    let has_apps = file.root().member("apps").is_some();
                    errors.push(if has_apps {
                        report
                    } else {
                        report.without_source()
                    });
                }
            }
        }
        if errors.is_empty() {
            return Ok(found);
        }
        Err(errors)
    }

    /// Adds apps of a list at this path in a document, which is this file in the policy's folder.
    pub(super) fn append(
        &mut self,
        document: &Rc<Document>,
        at: &str,
        file: String,
        apps: &[Node],
    ) {
        let Value::Map(members) = &mut self.root.value else {
            return;
        };
        if !members.iter().any(|(name, _)| name.text == "apps") {
            let span = self.root.span.clone();
            let name = Name {
                span: span.clone(),
                text: "apps".to_owned(),
            };
            let value = Value::List(Vec::new());
            members.push((name, Node { span, value }));
        }
        let list = members.iter_mut().find(|(name, _)| name.text == "apps");
        if let Some((_, list)) = list
            && let Value::List(list) = &mut list.value
        {
            self.parts.push(AppsPart {
                first: list.len(),
                count: apps.len(),
                document: Rc::clone(document),
                at: at.to_owned(),
                file,
            });
            list.extend_from_slice(apps);
        }
    }

    /// The policy as JSON, compact, its members in the order of the file.
    pub(crate) fn json(&self) -> String {
        self.root.to_string()
    }

    /// Its value.
    pub(crate) const fn root(&self) -> &Node {
        &self.root
    }

    /// The apps of other documents or other places, in order.
    pub(super) fn parts(&self) -> &[AppsPart] {
        &self.parts
    }

    /// The policy with the apps of one file alone.
    pub(super) fn with_apps_of(&self, part: &AppsPart) -> Node {
        let of_part = |apps: &[Node]| {
            let apps = apps.iter().skip(part.first).take(part.count);
            Value::List(apps.cloned().collect())
        };
        let members = self.root.as_map().unwrap_or_default().iter();
        let members = members.map(|(name, node)| {
            let node = match node.as_list() {
                Some(apps) if name.text == "apps" => Node {
                    span: node.span.clone(),
                    value: of_part(apps),
                },
                _ => node.clone(),
            };
            (name.clone(), node)
        });
        Node {
            span: self.root.span.clone(),
            value: Value::Map(members.collect()),
        }
    }

    /// The value in the document that is the policy, or the text of it.
    fn value(&self) -> &Node {
        let value = self.document.root().at(&self.at);
        value.unwrap_or_else(|| self.document.root())
    }

    /// The line and column of the policy.
    pub(crate) fn position(&self) -> (usize, usize) {
        let report = self.document.report(&self.at, "", "");
        report.line_and_column().unwrap_or((1, 1))
    }

    /// Warnings about the numbers that Envoy's YAML parser turns into strings, where Envoy parses the policy as
    /// YAML. They do not apply to [`Self::json`] in a `google.protobuf.StringValue`.
    pub(crate) fn envoy_yaml_warnings(&self) -> Vec<Warning> {
        if !self.is_envoy_yaml {
            return Vec::new();
        }
        let parts = self.parts.iter().filter_map(|part| {
            let list = part.document.root().at(&part.at)?;
            Some((&part.document, list))
        });
        let places = std::iter::once((&self.document, self.value())).chain(parts);
        let warnings = places.flat_map(|(document, value)| {
            let texts = envoy_numbers::warnings(document, value).into_iter();
            texts.map(|text| Warning::of_policy(document, &text))
        });
        warnings.collect()
    }

    /// A warning about a value of the policy.
    pub(super) fn warning(&self, path: &str, problem: &str, help: &str) -> Warning {
        Warning(self.report(&PolicyProblem {
            path: path.to_owned(),
            problem: problem.to_owned(),
            help: help.to_owned(),
        }))
    }

    /// The report of an error or a warning of core.
    pub(crate) fn report(&self, problem: &PolicyProblem) -> Report {
        let PolicyProblem {
            path,
            problem,
            help,
        } = problem;
        let (document, local) = self.locate(path);
        document.report_of(Diagnostic {
            span: self.root.locate(path, problem).or_else(|| {
                // The policy as a whole: in a file of its own, the file.
                let place = document.root().locate(&self.at, problem);
                place.filter(|_| !self.at.is_empty())
            }),
            path: Some(local).filter(|path| !path.is_empty()),
            problem: problem.clone(),
            help: help.clone(),
        })
    }

    /// The document with the value at a path of the policy, and the path in it.
    fn locate(&self, path: &str) -> (&Document, String) {
        let path = if path == "." { "" } else { path };
        if let Some((index, rest)) = path
            .strip_prefix("apps[")
            .and_then(|path| path.split_once(']'))
            && let Ok(index) = index.parse::<usize>()
            && let Some(part) = self.parts.iter().rev().find(|part| part.first <= index)
        {
            let index = index - part.first;
            return (&part.document, format!("{}[{index}]{rest}", part.at));
        }
        let path = match path {
            "" => self.at.clone(),
            _ => join(&self.at, path),
        };
        (&self.document, path)
    }
}

/// The list in a mapping with `apps` alone; else the path of what is wrong, and what.
pub(super) fn apps_of(root: &Node) -> Result<&[Node], (String, String)> {
    let Some(members) = root.as_map() else {
        return Err((".".to_owned(), "expected a mapping with `apps`".to_owned()));
    };
    if let Some((name, _)) = members.iter().find(|(name, _)| name.text != "apps") {
        let problem = format!("`{}` can't be beside `apps` here", name.text);
        return Err((name.text.clone(), problem));
    }
    let Some(apps) = root.member("apps") else {
        return Err((".".to_owned(), "missing field `apps`".to_owned()));
    };
    let problem = || ("apps".to_owned(), "expected a list".to_owned());
    apps.as_list().ok_or_else(problem)
}
