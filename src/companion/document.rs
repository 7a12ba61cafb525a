//! Files as people write them: YAML or JSON in, and the place of everything in it.
//!
//! What judges a document names things by their path, `apps[0].rules[0].allow[0]`. Here each path
//! leads back to line and column, so that an editor can go there.

use std::path::Path;

mod input;
mod json;
mod node;
mod report;
mod yaml;

pub(crate) use node::{Node, Value};
pub(crate) use report::Report;

use report::Fault;

/// A file that has been read, but not yet judged.
#[derive(Debug)]
pub(crate) struct Document {
    name: String,
    text: String,
    root: Node,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Json,
    Yaml,
}

impl Document {
    /// Reads a file, or standard input where the path is `-`. `empty` is how to fix it where there is
    /// nothing in it.
    ///
    /// Refuses what is no document at all: what can't be read, is not UTF-8 or over a mebibyte, is
    /// neither YAML nor JSON, or says something twice or in a way that readers take differently.
    pub(crate) fn open(path: &Path, empty: &str) -> Result<Self, Report> {
        let name = if path == Path::new("-") {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        match input::read(path) {
            Ok(bytes) => Self::parse(name, bytes, empty),
            Err(fault) => Err(fault.report(&name, "")),
        }
    }

    /// Reads what a file of this name holds.
    pub(crate) fn parse(name: String, bytes: Vec<u8>, empty: &str) -> Result<Self, Report> {
        let text = match input::text(bytes) {
            Ok(text) => text,
            Err((text, fault)) => return Err(fault.report(&name, &text)),
        };
        let root = match Format::of(&name, &text) {
            Format::Json => json::read(&text),
            Format::Yaml => yaml::read(&text),
        };
        let root = root.and_then(|root| match root.value {
            Value::Null => Err(Fault::whole("there is nothing in it", empty)),
            _ => Ok(root),
        });
        match root {
            Ok(root) => Ok(Self { name, text, root }),
            Err(fault) => Err(fault.report(&name, &text)),
        }
    }

    /// The name by which messages call it: its path, or `<stdin>`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it says.
    pub(crate) const fn root(&self) -> &Node {
        &self.root
    }

    /// What is wrong at a path in it, and how to fix it. `.` is the document as a whole.
    pub(crate) fn report(&self, path: &str, problem: &str, help: &str) -> Report {
        let fault = Fault {
            span: self.root.place(path, problem),
            path: Some(path.to_owned()).filter(|path| path != "."),
            problem: problem.to_owned(),
            help: help.to_owned(),
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
