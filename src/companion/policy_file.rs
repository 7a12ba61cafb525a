//! Policy files in YAML or JSON: converted to the JSON that core parses, with line and column of core's
//! errors.

use std::path::Path;

use portcullis_core::policy::Policy;

use crate::document::{Document, Report};

#[cfg(test)]
mod tests;

const EMPTY: &str = "write a policy; `portcullis check --help` shows a small one";

/// A parsed policy file that has not been validated.
#[derive(Debug)]
pub struct PolicyFile {
    document: Document,
    json: String,
}

impl PolicyFile {
    /// Reads a file, or standard input where the path is `-`. The errors are those of [`Document::open`].
    pub fn open(path: &Path) -> Result<Self, Report> {
        Document::open(path, EMPTY).map(Self::of)
    }

    /// Parses the contents of a file with this name. The errors are those of [`Document::open`].
    pub fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Report> {
        Document::parse(name, bytes, EMPTY).map(Self::of)
    }

    fn of(document: Document) -> Self {
        Self {
            json: document.root().to_string(),
            document,
        }
    }

    /// Its name in messages: its path, or `<stdin>`.
    pub fn name(&self) -> &str {
        self.document.name()
    }

    /// The document as JSON, compact, its members in the order of the file.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Validates the policy. The errors are core's.
    pub fn policy(&self) -> Result<Policy, Report> {
        Policy::from_json(&self.json)
            .map_err(|error| self.report(error.path(), error.problem(), error.help()))
    }

    /// An error at a path in it, and how to fix it.
    pub fn report(&self, path: &str, problem: &str, help: &str) -> Report {
        self.document.report(path, problem, help)
    }
}
