//! What is wrong with a file, and how it is told.

use std::fmt;

use super::node::Span;

#[cfg(test)]
mod tests;

/// How much of a line is shown, in characters: JSON in one line may be a mebibyte of it.
const MAX_SHOWN: usize = 120;

/// How much of a problem is told, in characters: it may quote a value of any length.
const MAX_TOLD: usize = 400;

/// What is wrong, where, and how to fix it, before it is known how the file is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// `None`: the file as a whole.
    pub(super) span: Option<Span>,
    /// Core's name for the place.
    pub(super) path: Option<String>,
    pub(super) problem: String,
    pub(super) help: String,
}

/// An error for people: file, line, column and path, the problem, the line of the file with the
/// place underlined, and how to fix it.
///
/// ```text
/// error: portcullis.yaml:12:9: apps[0].rules[0].allow[0].gruop: unknown field `gruop`
///    12 |         gruop: sre
///       |         ^^^^^
/// help: did you mean `group`?
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Report {
    name: String,
    // Boxed, because every result that may hold a report is as large as one.
    position: Option<Box<Position>>,
    fault: Box<Fault>,
}

/// A place as editors count it, and the line that it is in.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Position {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The line as far as it is shown.
    shown: String,
    /// How many characters of `shown` stand before what is underlined.
    before: usize,
    /// How many characters are underlined. At least 1.
    width: usize,
    /// Whether the line is shown at all.
    seen: bool,
}

/// The number of the line, counted from 1, that a byte of the text stands in.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// The byte with which a line begins, counted from 1.
pub(super) fn line_start(text: &str, line: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    lines.map(str::len).sum()
}

// === impl Fault ===

impl Fault {
    /// A fault at a place in the file.
    pub(super) fn at(span: Span, problem: &str, help: &str) -> Self {
        Self {
            span: Some(span),
            path: None,
            problem: problem.to_owned(),
            help: help.to_owned(),
        }
    }

    /// A fault of the file as a whole.
    pub(super) fn whole(problem: &str, help: &str) -> Self {
        Self {
            span: None,
            ..Self::at(0..0, problem, help)
        }
    }

    /// More levels than any document has.
    pub(super) fn too_deep(span: Span) -> Self {
        Self::at(
            span,
            "nested too deeply",
            "nothing here needs more than 8 levels",
        )
    }

    /// Tells it of the file of this name and text.
    pub(super) fn report(self, name: &str, text: &str) -> Report {
        Report {
            name: name.to_owned(),
            position: (self.span.as_ref()).map(|span| Box::new(Position::of(text, span))),
            fault: Box::new(self),
        }
    }
}

// === impl Report ===

impl Report {
    /// What is wrong with something that is no file, such as a flag, or with a file as a whole.
    pub(crate) fn of(name: &str, problem: &str, help: &str) -> Self {
        Fault::whole(problem, help).report(name, "")
    }

    /// The same without the line of the file, because there may be a secret in it.
    pub(crate) fn unseen(mut self) -> Self {
        if let Some(position) = &mut self.position {
            position.seen = false;
        }
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}:", printable(&self.name))?;
        if let Some(Position { line, column, .. }) = self.position.as_deref() {
            write!(f, "{line}:{column}:")?;
        }
        if let Some(path) = &self.fault.path {
            write!(f, " {}:", printable(&cut(path, MAX_TOLD)))?;
        }
        writeln!(f, " {}", printable(&cut(&self.fault.problem, MAX_TOLD)))?;
        let seen = |position: &&Position| position.seen;
        if let Some(position) = self.position.as_deref().filter(seen) {
            let Position { line, shown, .. } = position;
            let (indent, marks) = (" ".repeat(position.before), "^".repeat(position.width));
            writeln!(f, "{line:>5} | {shown}")?;
            writeln!(f, "      | {indent}{marks}")?;
        }
        write!(f, "help: {}", printable(&cut(&self.fault.help, MAX_TOLD)))
    }
}

impl std::error::Error for Report {}

// === impl Position ===

impl Position {
    fn of(text: &str, span: &Span) -> Self {
        let line = line_of(text, span.start);
        let start = line_start(text, line);
        let whole = text.get(start..).unwrap_or_default();
        let whole = whole.split('\n').next().unwrap_or_default();
        let whole = whole.trim_end_matches('\r');
        let chars_before = |at: usize| {
            let before = whole
                .char_indices()
                .take_while(|(byte, _)| start + byte < at);
            before.count()
        };
        let column = chars_before(span.start);
        let width = chars_before(span.end).saturating_sub(column).max(1);

        // Of a long line, the part around the place.
        let skipped = column.saturating_sub(MAX_SHOWN / 2);
        let skipped = if whole.chars().count() <= MAX_SHOWN {
            0
        } else {
            skipped
        };
        let rest: String = whole.chars().skip(skipped).collect();
        let mark = if skipped == 0 { "" } else { "…" };
        let shown = printable(&[mark, &*cut(&rest, MAX_SHOWN)].concat());
        let before = column - skipped + mark.chars().count();
        Self {
            line,
            column: column + 1,
            width: width.min(shown.chars().count().saturating_sub(before).max(1)),
            shown,
            before,
            seen: true,
        }
    }
}

/// The text, cut to so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text with nothing in it that a terminal obeys, each character still one.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => ' ',
        // What turns the direction of a line around shows another line than the file has.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}
