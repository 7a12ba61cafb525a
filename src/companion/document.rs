//! Documents in YAML or JSON, with the line and column of every value.
//!
//! Validation names values by their path, `apps[0].rules[0].allow[0]`. A document maps each path back to
//! line and column, so that an editor can go there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

mod credentials;
mod embedded;
mod input;
mod json;
mod node;
mod report;
mod yaml;

pub(crate) use node::{Name, Span};
pub use node::{Node, Value};
pub use report::Report;

pub(crate) use report::Diagnostic;
pub(crate) use yaml::{Finding, emit};

/// A parsed file that has not been validated, or one of the documents in a file.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: Arc<str>,
    root: Node,
    /// Its number, from 1, in a file with several documents.
    number: Option<usize>,
    findings: Vec<Finding>,
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
        let name = name_of(path);
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
            Ok(root) => Ok(Self {
                name,
                text: text.into(),
                root,
                number: None,
                findings: Vec::new(),
            }),
            Err(diagnostic) => Err(diagnostic.report(&name, &text)),
        }
    }

    /// Reads the bytes of a file, or of standard input where the path is `-`.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Vec<u8>, Report> {
        input::read(path).map_err(|diagnostic| diagnostic.report(name, ""))
    }

    /// Parses all documents of a file, which may be more than policies: what a policy must not have is an error
    /// only where a policy is, see [`Self::findings`]. Where the syntax is wrong, the documents before are
    /// returned with the error.
    pub(crate) fn parse_all(name: &str, bytes: Vec<u8>) -> (Vec<Self>, Option<Report>) {
        let text = match input::text(bytes) {
            Ok(text) => text,
            Err((text, diagnostic)) => return (Vec::new(), Some(diagnostic.report(name, &text))),
        };
        let (documents, error) = match Format::of(name, &text) {
            Format::Json => match json::read(&text) {
                Ok(root) => (vec![(root, Vec::new())], None),
                Err(diagnostic) => (Vec::new(), Some(diagnostic)),
            },
            Format::Yaml => {
                let (documents, error) = yaml::read_all(&text);
                let documents = documents.into_iter();
                let documents = documents.map(|document| (document.root, document.findings));
                (documents.collect(), error)
            }
        };
        let error = error.map(|diagnostic| diagnostic.report(name, &text));
        let text: Arc<str> = text.into();
        let several = documents.len() > 1;
        let documents = documents.into_iter().zip(1..);
        let documents = documents.map(|((root, findings), number)| Self {
            name: name.to_owned(),
            text: Arc::clone(&text),
            root,
            number: Some(number).filter(|_| several),
            findings,
        });
        (documents.collect(), error)
    }

    /// Its name in messages: its path, or `<stdin>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its root.
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// Its number, from 1, in a file with several documents.
    pub(crate) const fn number(&self) -> Option<usize> {
        self.number
    }

    /// What is an error anywhere in a document: duplicate names.
    pub(crate) fn errors(&self) -> impl Iterator<Item = Report> {
        let findings = self.findings.iter().filter(|finding| finding.is_error);
        findings.map(|finding| self.report_of(finding.diagnostic.clone()))
    }

    /// What a policy at this value must not have: anchors, aliases, tags, and values that parsers read
    /// differently.
    pub(crate) fn findings(&self, node: &Node) -> impl Iterator<Item = Report> {
        let extent = node.extent();
        let findings = self.findings.iter().filter(move |finding| {
            let span = finding.diagnostic.span.as_ref();
            let is_within = |span: &node::Span| {
                (extent.start..=extent.end).contains(&span.start) && span.end <= extent.end
            };
            !finding.is_error && span.is_some_and(is_within)
        });
        findings.map(|finding| self.report_of(finding.diagnostic.clone()))
    }

    /// Parses the text of a string in it as a document of its own, with the locations of this document.
    pub(crate) fn embedded(&self, node: &Node, name: &str) -> Result<Node, Report> {
        embedded::read(&self.text, node, name).map_err(|diagnostic| self.report_of(*diagnostic))
    }

    /// The report of a problem in it.
    pub(crate) fn report_of(&self, diagnostic: Diagnostic) -> Report {
        diagnostic
            .report(&self.name, &self.text)
            .in_document(self.number)
    }

    /// The line of a value of this document, from 1.
    pub(crate) fn line(&self, node: &Node) -> usize {
        self.line_at(&node.span)
    }

    /// The line of a place in this document, from 1.
    pub(crate) fn line_at(&self, span: &Span) -> usize {
        report::line_of(&self.text, span.start)
    }

    /// An error at a path in it, and how to fix it. `.` is the document as a whole.
    pub fn report(&self, path: &str, problem: &str, help: &str) -> Report {
        let diagnostic = Diagnostic {
            span: self.root.locate(path, problem),
            path: Some(path.to_owned()).filter(|path| path != "."),
            problem: problem.to_owned(),
            help: help.to_owned(),
        };
        self.report_of(diagnostic)
    }
}

/// The name of an input in messages: the path, or `<stdin>` where it is `-`.
pub(crate) fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads a file, or standard input where the path is `-`, as text. Returns its name in messages and the text.
pub(crate) fn read_text(path: &Path) -> Result<(String, String), Report> {
    let name = name_of(path);
    let bytes = Document::read(path, &name)?;
    match input::text(bytes) {
        Ok(text) => Ok((name, text)),
        Err((text, diagnostic)) => Err(diagnostic.report(&name, &text).without_source()),
    }
}

/// Refuses inputs of which several are standard input (`-`): the second reader would get nothing.
pub(crate) fn one_standard_input<'a>(
    inputs: impl IntoIterator<Item = &'a PathBuf>,
    problem: &str,
    help: &str,
) -> Result<(), Report> {
    let inputs = inputs.into_iter();
    if inputs.filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(Report::of("-", problem, help));
    }
    Ok(())
}

/// The report of a file or standard input that can't be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Report {
    input::unreadable(error).report(&name_of(path), "")
}

/// An error at a range of bytes of a text that is no document, without the line, which may have a secret.
pub(crate) fn report_at(
    name: &str,
    text: &str,
    span: std::ops::Range<usize>,
    problem: &str,
    help: &str,
) -> Report {
    let diagnostic = Diagnostic::at(span, problem, help);
    diagnostic.report(name, text).without_source()
}

/// The text without the credentials and queries of URLs.
pub(crate) fn credentials_removed(text: &str) -> String {
    credentials::removed(text).into_owned()
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
