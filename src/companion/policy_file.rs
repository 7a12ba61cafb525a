//! A policy file as people write it: the JSON that core reads comes out of it, and what core finds
//! wrong is told at its line and column.

use std::path::Path;

use portcullis_core::policy::Policy;

use crate::document::{Document, Report};

#[cfg(test)]
mod tests;

const EMPTY: &str = "write a policy; `portcullis check --help` shows a small one";

/// A policy file that has been read, but not yet judged.
#[derive(Debug)]
pub(crate) struct PolicyFile {
    document: Document,
    json: String,
}

impl PolicyFile {
    /// Reads a file, or standard input where the path is `-`. Refuses what is no document at all.
    pub(crate) fn open(path: &Path) -> Result<Self, Report> {
        Document::open(path, EMPTY).map(Self::of)
    }

    /// Reads what a file of this name holds.
    pub(crate) fn parse(name: String, bytes: Vec<u8>) -> Result<Self, Report> {
        Document::parse(name, bytes, EMPTY).map(Self::of)
    }

    fn of(document: Document) -> Self {
        Self {
            json: document.root().to_string(),
            document,
        }
    }

    /// The name by which messages call it: its path, or `<stdin>`.
    pub(crate) fn name(&self) -> &str {
        self.document.name()
    }

    /// The document as JSON, compact, its members in the order of the file.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// Has core judge the document.
    pub(crate) fn policy(&self) -> Result<Policy, Report> {
        Policy::from_json(&self.json)
            .map_err(|error| self.report(error.path(), error.problem(), error.help()))
    }

    /// What is wrong at a path in it, and how to fix it.
    pub(crate) fn report(&self, path: &str, problem: &str, help: &str) -> Report {
        self.document.report(path, problem, help)
    }
}
