//! YAML with locations: the subset of YAML 1.2 that all parsers read the same way.
//!
//! The same policy may be under a `Struct` in an Envoy configuration, or be rendered by a tool that parses
//! YAML 1.1. So nothing is guessed: a plain scalar that one of them parses as a boolean, a number or a date
//! must be quoted, and anchors, aliases, merge keys, tags and more than one document are errors.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as Marks, StrInput};

use super::node::{MAX_DEPTH, Name, Node, Span, Value};
use super::report::Diagnostic;

mod scalar;

#[cfg(test)]
mod tests;

/// Parses the only document of a YAML file; an empty file is null.
pub(super) fn read(text: &str) -> Result<Node, Diagnostic> {
    let mut reader = Reader {
        text,
        positions: Positions::new(text),
        parser: Parser::new_from_str(text),
    };
    reader.document()
}

struct Reader<'a> {
    text: &'a str,
    positions: Positions,
    parser: Parser<'a, StrInput<'a>>,
}

/// Converts the parser's positions, counted in characters, to bytes.
struct Positions {
    /// The first byte of each character; empty where all are single bytes.
    starts: Vec<usize>,
    end: usize,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Diagnostic> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let help = "keep one document, and remove `---` after it";
                    return Err(Diagnostic::at(span, "more than one document", help));
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ => root = Some(self.node(event, span, MAX_DEPTH)?),
            }
        }
        Ok(root.unwrap_or(Node {
            span: 0..0,
            value: Value::Null,
        }))
    }

    /// The node that starts with an event.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        refuse_indirection(&event, &span)?;
        let Some(inner) = depth.checked_sub(1) else {
            return Err(Diagnostic::too_deep(span));
        };
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => scalar::plain(&text, &span)?,
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => Value::List(self.list(inner)?),
            Event::MappingStart(..) => Value::map(self.members(inner)?, self.text)?,
            _ => return Err(invalid_yaml(span, "missing value")),
        };
        Ok(Node { span, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Diagnostic> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(elements),
                (event, span) => elements.push(self.node(event, span, depth)?),
            }
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Name, Node)>, Diagnostic> {
        let mut members = Vec::new();
        loop {
            let name = match self.next()? {
                (Event::MappingEnd, _) => return Ok(members),
                (event, span) => name(event, span)?,
            };
            let (event, span) = self.next()?;
            members.push((name, self.node(event, span, depth)?));
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, marks))) => Ok((event, self.positions.span(marks))),
            Some(Err(error)) => Err(self.syntax_error(&error)),
            None => {
                let end = self.text.len();
                Err(invalid_yaml(end..end, "unexpected end of file"))
            }
        }
    }

    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let at = self.positions.byte(*error.marker());
        invalid_yaml(at..at + 1, error.info())
    }
}

/// The name of a member, always a string.
fn name(event: Event<'_>, span: Span) -> Result<Name, Diagnostic> {
    refuse_indirection(&event, &span)?;
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => Err(Diagnostic::at(
            span,
            "merge keys are not supported",
            "write its fields here",
        )),
        Event::Scalar(text, ..) => Ok(Name {
            span,
            text: text.into_owned(),
        }),
        _ => Err(Diagnostic::at(
            span,
            "expected a name, found a list or a mapping",
            "write `name: value`; quote text that begins with a bracket or a brace",
        )),
    }
}

fn refuse_indirection(event: &Event<'_>, span: &Span) -> Result<(), Diagnostic> {
    let (anchor, tagged) = match event {
        Event::Alias(_) => {
            let help = "write its value here; quote text that begins with `*`";
            return Err(Diagnostic::at(
                span.clone(),
                "aliases are not supported",
                help,
            ));
        }
        Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
        Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
            (*anchor, tag.is_some())
        }
        _ => (0, false),
    };
    if anchor != 0 {
        let help = "remove it and repeat the value where it is needed";
        return Err(Diagnostic::at(
            span.clone(),
            "anchors are not supported",
            help,
        ));
    }
    if tagged {
        let help = "remove it; quotes make any scalar a string";
        return Err(Diagnostic::at(span.clone(), "tags are not supported", help));
    }
    Ok(())
}

fn invalid_yaml(span: Span, message: &str) -> Diagnostic {
    let help = "check the indentation (spaces, no tabs), quotes, brackets and colons";
    Diagnostic::at(span, &format!("invalid YAML: {message}"), help)
}

// === impl Positions ===

impl Positions {
    fn new(text: &str) -> Self {
        let starts = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            starts,
            end: text.len(),
        }
    }

    fn byte(&self, mark: Marker) -> usize {
        if self.starts.is_empty() {
            return mark.index().min(self.end);
        }
        self.starts.get(mark.index()).copied().unwrap_or(self.end)
    }

    fn span(&self, marks: Marks) -> Span {
        let start = self.byte(marks.start);
        start..self.byte(marks.end).max(start)
    }
}
