//! A policy file as people write it: YAML or JSON in, the JSON that core reads out, and the place
//! of everything in it.
//!
//! Core names what is wrong by its path in the document, `apps[0].rules[0].allow[0]`. Here each path
//! leads back to line and column, so that an editor can go there.

use std::path::Path;

use portcullis_core::policy::{Policy, PolicyError};

mod input;
mod json;
mod node;
mod report;
mod yaml;

#[cfg(test)]
mod tests;

pub(crate) use report::Report;

use node::{Node, Value};
use report::Fault;

/// A policy file that has been read, but not yet judged.
#[derive(Debug)]
pub(crate) struct PolicyFile {
    name: String,
    text: String,
    root: Node,
    json: String,
}

/// How a policy file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Json,
    Yaml,
}

impl PolicyFile {
    /// Reads a file, or standard input where the path is `-`.
    ///
    /// Refuses what is no document at all: what can't be read, is not UTF-8 or over a mebibyte, is
    /// neither YAML nor JSON, or says something twice or in a way that readers take differently.
    pub(crate) fn open(path: &Path) -> Result<Self, Report> {
        let name = if path == Path::new("-") {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        match input::read(path) {
            Ok(bytes) => Self::parse(name, bytes),
            Err(fault) => Err(fault.report(&name, "")),
        }
    }

    fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Report> {
        let text = match input::text(bytes) {
            Ok(text) => text,
            Err((text, fault)) => return Err(fault.report(&name, &text)),
        };
        let root = match Format::of(&name, &text) {
            Format::Json => json::read(&text),
            Format::Yaml => yaml::read(&text),
        };
        let root = root.and_then(|root| match root.value {
            Value::Null => Err(Fault::whole(
                "there is nothing in it",
                "write a policy; `portcullis check --help` shows a small one",
            )),
            _ => Ok(root),
        });
        match root {
            Ok(root) => Ok(Self {
                json: root.to_string(),
                name,
                text,
                root,
            }),
            Err(fault) => Err(fault.report(&name, &text)),
        }
    }

    /// The name by which messages call it: its path, or `<stdin>`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The document as JSON, compact, its members in the order of the file.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// Has core judge the document.
    pub(crate) fn policy(&self) -> Result<Policy, Report> {
        Policy::from_json(&self.json).map_err(|error| self.report(&error))
    }

    fn report(&self, error: &PolicyError) -> Report {
        let fault = Fault {
            span: self.root.place(error.path(), error.problem()),
            path: Some(error.path().to_owned()).filter(|path| path != "."),
            problem: error.problem().to_owned(),
            mend: error.mend().to_owned(),
        };
        fault.report(&self.name, &self.text)
    }
}

// === impl Format ===

impl Format {
    /// The name decides where it can. JSON read as YAML would have its errors told in YAML's words.
    fn of(name: &str, text: &str) -> Self {
        let extension = Path::new(name).extension().unwrap_or_default();
        if extension == "json" {
            Self::Json
        } else if extension == "yaml" || extension == "yml" {
            Self::Yaml
        } else if text.trim_start().starts_with('{') {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}
