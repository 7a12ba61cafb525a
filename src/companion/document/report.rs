//! Errors in files, rendered like those of rustc.

use std::fmt;

use portcullis_core::escape::is_hidden;

use super::credentials;
use super::node::{MAX_DEPTH, Span};

#[cfg(test)]
mod tests;

/// The longest excerpt of a line, in characters: minified JSON is one long line.
const MAX_LINE_CHARS: usize = 120;

/// The longest message, in characters: it may quote a value of any length.
const MAX_MESSAGE_CHARS: usize = 400;

/// What is wrong, where, and how to fix it, without the name of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Diagnostic {
    /// `None`: the file as a whole.
    pub(crate) span: Option<Span>,
    /// The path of the value.
    pub(crate) path: Option<String>,
    pub(crate) problem: String,
    pub(crate) help: String,
}

/// An error with its location: file, line, column and path, the problem, the line of the file with the location
/// underlined, and how to fix it.
///
/// ```text
/// error: portcullis.yaml:12:9: apps[0].rules[0].allow[0].gruop: unknown field `gruop`
///    12 |         gruop: sre
///       |         ^^^^^
/// help: did you mean `group`?
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    name: String,
    /// The number of the document in a file with several.
    document: Option<usize>,
    // Boxed, because every `Result` with a report is as large as a report.
    position: Option<Box<Position>>,
    diagnostic: Box<Diagnostic>,
}

/// A location as editors count it, and its line.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Position {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The line, or the part of it around the location.
    excerpt: String,
    /// How many characters of `excerpt` are before the underlined ones.
    indent: usize,
    /// How many characters are underlined. At least 1.
    width: usize,
    /// Whether the line is printed.
    is_printed: bool,
}

/// The number of a byte's line, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// The first byte of a line. Lines count from 1.
pub(super) fn line_start(text: &str, line: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    lines.map(str::len).sum()
}

// === impl Diagnostic ===

impl Diagnostic {
    /// An error at a location in the file.
    pub(super) fn at(span: Span, problem: &str, help: &str) -> Self {
        Self {
            span: Some(span),
            path: None,
            problem: problem.to_owned(),
            help: help.to_owned(),
        }
    }

    /// An error of the file as a whole.
    pub(super) fn whole(problem: &str, help: &str) -> Self {
        Self {
            span: None,
            ..Self::at(0..0, problem, help)
        }
    }

    /// More than [`MAX_DEPTH`] nested levels.
    pub(super) fn too_deep(span: Span) -> Self {
        let help = format!("nest lists and mappings at most {MAX_DEPTH} levels deep");
        Self::at(span, "nested too deeply", &help)
    }

    /// The report for the file with this name and text.
    pub(super) fn report(self, name: &str, text: &str) -> Report {
        Report {
            name: name.to_owned(),
            document: None,
            position: (self.span.as_ref()).map(|span| Box::new(Position::of(text, span))),
            diagnostic: Box::new(self),
        }
    }
}

// === impl Report ===

impl Report {
    /// An error about something other than a file, such as a flag, or about a file as a whole.
    pub(crate) fn of(name: &str, problem: &str, help: &str) -> Self {
        Diagnostic::whole(problem, help).report(name, "")
    }

    /// An error in a line, from 1, of a file that is not kept.
    pub(crate) fn at_line(name: &str, line: usize, problem: &str, help: &str) -> Self {
        let position = Position {
            line,
            column: 1,
            excerpt: String::new(),
            indent: 0,
            width: 1,
            is_printed: false,
        };
        Self {
            position: Some(Box::new(position)),
            ..Self::of(name, problem, help)
        }
    }

    /// The same in a document of this number.
    pub(crate) fn in_document(mut self, number: Option<usize>) -> Self {
        self.document = number;
        self
    }

    /// The same with another help.
    pub(crate) fn with_help(mut self, help: &str) -> Self {
        self.diagnostic.help = help.to_owned();
        self
    }

    /// The name of the file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The number of the document, from 1, in a file with several.
    pub(crate) const fn document(&self) -> Option<usize> {
        self.document
    }

    /// Line and column, from 1; `None` for the file as a whole.
    pub(crate) fn line_and_column(&self) -> Option<(usize, usize)> {
        let position = self.position.as_deref()?;
        Some((position.line, position.column))
    }

    /// The path of the value.
    pub(crate) fn path(&self) -> Option<String> {
        let path = self.diagnostic.path.as_deref()?;
        Some(printable(&truncate(path, MAX_MESSAGE_CHARS)))
    }

    /// What is wrong, without credentials.
    pub(crate) fn problem(&self) -> String {
        let problem = credentials::removed(&self.diagnostic.problem);
        printable(&truncate(&problem, MAX_MESSAGE_CHARS))
    }

    /// How to fix it.
    pub(crate) fn help(&self) -> String {
        printable(&truncate(&self.diagnostic.help, MAX_MESSAGE_CHARS))
    }

    /// The location in messages: `FILE:LINE:COLUMN:`, the document if there are several, and the path.
    pub(crate) fn location(&self) -> String {
        let mut text = format!("{}:", printable(&self.name));
        if let Some((line, column)) = self.line_and_column() {
            text.push_str(&format!("{line}:{column}:"));
        }
        if let Some(number) = self.document {
            text.push_str(&format!(" document {number}:"));
        }
        if let Some(path) = self.path() {
            text.push_str(&format!(" {path}:"));
        }
        text
    }

    /// A workflow command: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
    pub(crate) fn annotation(&self, kind: &str) -> String {
        let escaped = |text: &str| {
            text.replace('%', "%25")
                .replace('\r', "%0D")
                .replace('\n', "%0A")
        };
        let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
        let mut properties = format!("file={}", property(&self.name));
        if let Some((line, column)) = self.line_and_column() {
            properties.push_str(&format!(",line={line},col={column}"));
        }
        let path = self
            .path()
            .map(|path| format!("{path}: "))
            .unwrap_or_default();
        let message = format!("{path}{}\nhelp: {}", self.problem(), self.help());
        format!("::{kind} {properties}::{}", escaped(&message))
    }

    /// The same without the line of the file, which may contain a secret.
    pub(crate) fn without_source(mut self) -> Self {
        if let Some(position) = &mut self.position {
            position.is_printed = false;
        }
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {} {}", self.location(), self.problem())?;
        let position = self.position.as_deref();
        if let Some(position) = position.filter(|position| position.is_printed) {
            let Position { line, excerpt, .. } = position;
            let (indent, carets) = (" ".repeat(position.indent), "^".repeat(position.width));
            writeln!(f, "{line:>5} | {excerpt}")?;
            writeln!(f, "      | {indent}{carets}")?;
        }
        write!(f, "help: {}", self.help())
    }
}

impl std::error::Error for Report {}

// === impl Position ===

impl Position {
    fn of(text: &str, span: &Span) -> Self {
        let line = line_of(text, span.start);
        let start = line_start(text, line);
        let rest = text.get(start..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default();
        let whole = whole.trim_end_matches('\r');
        let chars_before = |at: usize| {
            let before = whole
                .char_indices()
                .take_while(|(byte, _)| start + byte < at);
            before.count()
        };
        let column = chars_before(span.start);
        let width = chars_before(span.end).saturating_sub(column).max(1);

        // Of a long line, the part around the location.
        let skipped = column.saturating_sub(MAX_LINE_CHARS / 2);
        let skipped = if whole.chars().count() <= MAX_LINE_CHARS {
            0
        } else {
            skipped
        };
        let rest: String = whole.chars().skip(skipped).collect();
        let ellipsis = if skipped == 0 { "" } else { "…" };
        let excerpt = printable(&[ellipsis, &*truncate(&rest, MAX_LINE_CHARS)].concat());
        let indent = column - skipped + ellipsis.chars().count();
        Self {
            line,
            column: column + 1,
            width: width.min(excerpt.chars().count().saturating_sub(indent).max(1)),
            excerpt,
            indent,
            // Another value of the line may be what is wrong.
            is_printed: !credentials::are_in(whole),
        }
    }
}

/// The text, truncated to this many characters.
fn truncate(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text without hidden characters. Each is replaced by one character, so that the underlined part
/// stays the same.
fn printable(text: &str) -> String {
    let replace = |c: char| match c {
        '\t' => ' ',
        c if is_hidden(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(replace).collect()
}
