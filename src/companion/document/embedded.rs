//! A document in a string of another one, as in `data` of a ConfigMap.

use super::node::{Node, Span, Value};
use super::report::{Diagnostic, line_of, line_start};
use super::{Format, json, yaml};

#[cfg(test)]
mod tests;

/// Parses the text of a string as a file with this name. Locations are those of the outer file: exact in a literal
/// block scalar (`|`), else the string as a whole.
pub(super) fn read(outer: &str, node: &Node, name: &str) -> Result<Node, Box<Diagnostic>> {
    let Value::String(text) = &node.value else {
        let problem = "expected a string with a document";
        let help = "write the document as a block scalar, after `|`";
        return Err(Diagnostic::at(node.span.clone(), problem, help).into());
    };
    let root = match Format::of(name, text) {
        Format::Json => json::read(text),
        Format::Yaml => yaml::read(text),
    };
    let lines = Lines::of(outer, node, text);
    match (root, lines) {
        (Ok(root), Some(lines)) => Ok(root.relocated(&|span| lines.locate(span))),
        (Ok(root), None) => Ok(root.relocated(&|_| node.span.clone())),
        (Err(diagnostic), Some(lines)) => Err(Box::new(Diagnostic {
            span: diagnostic.span.map(|span| lines.locate(&span)),
            ..diagnostic
        })),
        (Err(diagnostic), None) => {
            let start = diagnostic.span.as_ref().map_or(0, |span| span.start);
            let line = line_of(text, start);
            let problem = format!("line {line} of this text: {}", diagnostic.problem);
            Err(Diagnostic::at(node.span.clone(), &problem, &diagnostic.help).into())
        }
    }
}

/// Where the lines of a literal block scalar are in the outer file.
struct Lines {
    /// The first byte of each line in the file, after the indentation.
    starts: Vec<usize>,
    /// The first byte of each line in the text.
    inner: Vec<usize>,
}

impl Lines {
    /// `None` if the lines of the text are not lines of the file.
    fn of(outer: &str, node: &Node, text: &str) -> Option<Self> {
        let first = text.lines().position(|line| !line.trim().is_empty())?;
        let first_text = text.lines().nth(first)?;
        // The span may begin at the indicator or at the text.
        let line = line_of(outer, node.span.start);
        let candidates = [line.saturating_sub(first).max(1), line, line + 1];
        let mut lines = candidates
            .into_iter()
            .filter_map(|line| Self::from(outer, text, line));
        lines.find(|lines| {
            let start = lines.starts.get(first).copied().unwrap_or_default();
            outer
                .get(start..)
                .is_some_and(|rest| rest.starts_with(first_text))
        })
    }

    /// If the text begins at this line of the file.
    fn from(outer: &str, text: &str, line: usize) -> Option<Self> {
        let mut start = line_start(outer, line);
        let mut outer_lines = outer.get(start..)?.split_inclusive('\n');
        let mut starts = Vec::new();
        let mut inner_starts = Vec::new();
        let mut inner_start = 0;
        let mut indent = None;
        for inner in text.split_inclusive('\n') {
            inner_starts.push(inner_start);
            inner_start += inner.len();
            let inner = inner.trim_end_matches('\n');
            let whole = outer_lines.next()?;
            let bare = whole.trim_end_matches(['\n', '\r']);
            if inner.is_empty() {
                starts.push(start + bare.len());
            } else {
                let before = bare.strip_suffix(inner)?;
                let is_indent = before.bytes().all(|byte| byte == b' ');
                if !is_indent || *indent.get_or_insert(before.len()) != before.len() {
                    return None;
                }
                starts.push(start + before.len());
            }
            start += whole.len();
        }
        Some(Self {
            starts,
            inner: inner_starts,
        })
    }

    fn locate(&self, span: &Span) -> Span {
        let at = |byte: usize| {
            let line = self.inner.partition_point(|start| *start <= byte);
            let line = line.saturating_sub(1);
            let column = byte - self.inner.get(line).copied().unwrap_or_default();
            self.starts.get(line).copied().unwrap_or_default() + column
        };
        at(span.start)..at(span.end)
    }
}
