//! Policies in the files that people edit: policy files and folders, Kubernetes manifests, Helm values and
//! configurations of Envoy.
//!
//! A file may have many documents, most of which have no policy. What a policy must not have, such as anchors, is an
//! error in a policy only; a duplicate name is an error anywhere.

mod all_errors;
mod envoy;
mod envoy_numbers;
mod files;
mod folder;
mod found;
pub(crate) mod fuzzing;
mod helm;
mod kubernetes;
mod mesh;
mod plugin;
pub(crate) mod teams;
mod warning;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::rc::Rc;

use portcullis_core::policy::{Policy, Shape};

use crate::clock::now;
use crate::document::{self, Document, Node, Report, Value};

pub(crate) use all_errors::PolicyProblem;
pub(crate) use folder::PolicyFiles;
pub(crate) use found::{FoundPolicy, Kind};
pub(crate) use warning::Warning;

use files::{File, Part};
use folder::PolicyFolder;

/// What was found in the files.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many files were read.
    pub(crate) files: usize,
    /// The policies, in the order of the files.
    pub(crate) policies: Vec<FoundPolicy>,
    /// How many documents have no policy.
    pub(crate) others: usize,
    /// What can't be read.
    pub(crate) errors: Vec<Report>,
    /// What is probably a mistake in the manifests.
    pub(crate) warnings: Vec<Warning>,
    plugins: Vec<plugin::Plugin>,
    services: mesh::Services,
}

impl Found {
    /// Reads files and folders, or standard input for `-`.
    pub(crate) fn read(paths: &[PathBuf]) -> Self {
        let mut found = Self::default();
        let (sources, errors) = files::find(paths);
        found.errors = errors;
        let is_only = sources.len() == 1;
        for source in sources {
            match source {
                Part::File(file) => found.add_file(file, is_only),
                Part::Folder(folder) => found.add_folder(folder),
            }
        }
        if found.errors.is_empty() && found.policies.is_empty() {
            found.errors = vec![found.nothing(paths)];
        }
        found.warnings.extend(plugin::duplicates(&found.plugins));
        found
    }

    /// Warnings about a valid policy: those of core, and about what it needs from the other documents.
    pub(crate) fn warnings_of(&self, found: &FoundPolicy, policy: &Policy) -> Vec<Warning> {
        let texts = policy.warnings(now()).into_iter();
        let of_policy = texts.map(|text| Warning::of_policy(&found.document, &text));
        of_policy
            .chain(found.team_warnings())
            .chain(mesh::unknown_hosts(found, &self.services))
            .collect()
    }

    /// The error where no policy was found.
    fn nothing(&self, paths: &[PathBuf]) -> Report {
        let name = match paths {
            [path] => document::name_of(path),
            _ => format!("{} files", self.files),
        };
        let problem = match self.others {
            0 => "no policy found".to_owned(),
            1 => "no policy found in 1 document".to_owned(),
            others => format!("no policy found in {others} documents"),
        };
        let help = "name a policy, a WasmPlugin, TrafficExtension, EnvoyExtensionPolicy or ConfigMap with one, Helm \
                    values with `policy`, or a configuration of Envoy";
        Report::of(&name, &problem, help)
    }

    fn add_file(&mut self, file: File, is_only: bool) {
        self.files += 1;
        let (mut documents, error) = file.parse();
        // A document without a value, such as one with comments only, is none.
        documents.retain(|document| !matches!(document.root().value, Value::Null));
        if documents.is_empty() && error.is_none() && file.is_named {
            let help = "write a policy; `portcullis check --help` shows a small one";
            self.errors
                .push(Report::of(&file.name, "the file is empty", help));
        }
        let is_only = is_only && file.is_named && documents.len() == 1 && error.is_none();
        for document in documents {
            self.add_document(document, is_only);
        }
        self.errors.extend(error);
    }

    fn add_document(&mut self, document: Document, is_only: bool) {
        self.errors.extend(document.errors());
        let document = Rc::new(document);
        let root = document.root();
        if kubernetes::is_object(root) {
            return kubernetes::add(self, &document, root, "");
        }
        if envoy::is_configuration(root) {
            return envoy::add(self, &document);
        }
        if helm::is_values(root) {
            return helm::add(self, &document);
        }
        // What was named alone is meant to be a policy, so its errors say what is wrong.
        if is_only || is_policy(root) {
            self.policies.push(FoundPolicy::whole(&document));
        } else {
            self.others += 1;
        }
    }

    /// Adds a folder with one policy.
    fn add_folder(&mut self, folder: PolicyFolder) {
        self.files += folder.files();
        match folder.parse() {
            Ok(policy) => self.policies.push(policy),
            Err(errors) => self.errors.extend(errors),
        }
    }
}

/// The path of a member.
fn join(at: &str, name: &str) -> String {
    let dot = if at.is_empty() { "" } else { "." };
    format!("{at}{dot}{name}")
}

/// Whether the text at one of these paths has our name in it.
fn names_us(node: &Node, paths: &[&str]) -> bool {
    let text = |path: &&str| node.at(path).and_then(Node::as_text);
    let mut texts = paths.iter().filter_map(text);
    texts.any(|text| text.contains("portcullis"))
}

/// The fields of a policy.
fn policy_fields() -> impl Iterator<Item = &'static str> {
    let fields = match Policy::SHAPE {
        Shape::Object(fields) => fields,
        _ => &[],
    };
    fields.iter().map(|(field, _)| *field)
}

/// Whether a mapping has a field of a policy.
fn is_policy(node: &Node) -> bool {
    let members = node.as_map().unwrap_or_default();
    members
        .iter()
        .any(|(name, _)| policy_fields().any(|field| field == name.text))
}
