//! Documents in YAML or JSON, with the line and column of every value.
//!
//! Validation names values by their path, `apps[0].rules[0].allow[0]`. A document maps each path back to
//! line and column, so that an editor can go there.

use std::path::Path;

mod credentials;
mod input;
mod json;
mod node;
mod report;
mod yaml;

pub use node::{Node, Value};
pub use report::Report;

use report::Diagnostic;

/// A parsed file that has not been validated.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: String,
    root: Node,
}

/// The format of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Json,
    Yaml,
}

impl Document {
    /// Reads a file, or standard input where the path is `-`. `empty` is the help for an empty file.
    ///
    /// # Errors
    /// A file that can't be read, is not UTF-8, is larger than 16 MiB, is neither YAML nor JSON, or has a
    /// duplicate name or a value that parsers read differently.
    pub fn open(path: &Path, empty: &str) -> Result<Self, Report> {
        let name = if path == Path::new("-") {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        match input::read(path) {
            Ok(bytes) => Self::parse(name, bytes, empty),
            Err(diagnostic) => Err(diagnostic.report(&name, "")),
        }
    }

    /// Parses the contents of a file with this name. The errors are those of [`Self::open`].
    pub fn parse(name: String, bytes: Vec<u8>, empty: &str) -> Result<Self, Report> {
        let text = match input::text(bytes) {
            Ok(text) => text,
            Err((text, diagnostic)) => return Err(diagnostic.report(&name, &text)),
        };
        let root = match Format::of(&name, &text) {
            Format::Json => json::read(&text),
            Format::Yaml => yaml::read(&text),
        };
        let root = root.and_then(|root| match root.value {
            Value::Null => Err(Diagnostic::whole("the file is empty", empty)),
            _ => Ok(root),
        });
        match root {
            Ok(root) => Ok(Self { name, text, root }),
            Err(diagnostic) => Err(diagnostic.report(&name, &text)),
        }
    }

    /// Its name in messages: its path, or `<stdin>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its root.
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// The line of a value of this document, from 1.
    pub(crate) fn line(&self, node: &Node) -> usize {
        report::line_of(&self.text, node.span.start)
    }

    /// An error at a path in it, and how to fix it. `.` is the document as a whole.
    pub fn report(&self, path: &str, problem: &str, help: &str) -> Report {
        let diagnostic = Diagnostic {
            span: self.root.locate(path, problem),
            path: Some(path.to_owned()).filter(|path| path != "."),
            problem: problem.to_owned(),
            help: help.to_owned(),
        };
        diagnostic.report(&self.name, &self.text)
    }
}

// === impl Format ===

impl Format {
    /// By the extension, or else by the first character. JSON parsed as YAML would have misleading errors.
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
