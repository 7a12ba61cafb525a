//! YAML with locations: the subset of YAML 1.2 that all parsers read the same way.
//!
//! The same policy may be under a `Struct` in an Envoy configuration, or be rendered by a tool that parses
//! YAML 1.1. So nothing is guessed: a plain scalar that one of them parses as a boolean, a number or a date
//! must be quoted, and anchors, aliases, merge keys, tags and more than one document are errors.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as Marks, StrInput};

use super::node::{MAX_DEPTH, Name, Node, Span, Value};
use super::report::Diagnostic;

pub(crate) mod emit;
mod scalar;

#[cfg(test)]
mod tests;

/// The maximum number of findings in a file that is read for the policies in it.
const MAX_FINDINGS: usize = 100_000;

/// Parses the only document of a YAML file; an empty file is null.
pub(super) fn read(text: &str) -> Result<Node, Diagnostic> {
    Reader::new(text, Strictness::Refuse).document()
}

/// Parses all documents of a YAML file, which may have anything that YAML has. What [`read`] refuses is a finding of
/// its document: a policy in it must have none. Where the syntax is wrong, the documents before are returned with
/// the error.
pub(super) fn read_all(text: &str) -> (Vec<Lenient>, Option<Diagnostic>) {
    let mut documents = Vec::new();
    let mut reader = Reader::new(text, Strictness::Collect(Vec::new()));
    let error = reader.documents(&mut documents).err();
    (documents, error)
}

/// A document that may have anything that YAML has.
pub(super) struct Lenient {
    pub(super) root: Node,
    pub(super) findings: Vec<Finding>,
}

/// What a policy must not have, found in a file that is more than a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(in crate::document) diagnostic: Diagnostic,
    /// Whether it is an error anywhere: a duplicate name.
    pub(in crate::document) is_error: bool,
}

struct Reader<'a> {
    text: &'a str,
    positions: Positions,
    parser: Parser<'a, StrInput<'a>>,
    strictness: Strictness,
}

/// What becomes of a value that parsers read differently.
enum Strictness {
    /// It is an error.
    Refuse,
    /// It is a finding.
    Collect(Vec<Finding>),
}

/// Converts the parser's positions, counted in characters, to bytes.
struct Positions {
    /// The first byte of each character; empty where all are single bytes.
    starts: Vec<usize>,
    end: usize,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn new(text: &'a str, strictness: Strictness) -> Self {
        Self {
            text,
            positions: Positions::new(text),
            parser: Parser::new_from_str(text),
            strictness,
        }
    }

    fn documents(&mut self, documents: &mut Vec<Lenient>) -> Result<(), Diagnostic> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ => {
                    let root = self.node(event, span, MAX_DEPTH)?;
                    let findings = match &mut self.strictness {
                        Strictness::Refuse => Vec::new(),
                        Strictness::Collect(findings) => std::mem::take(findings),
                    };
                    documents.push(Lenient { root, findings });
                }
            }
        }
    }

    /// Reports what a policy must not have.
    fn find(&mut self, diagnostic: Diagnostic, is_error: bool) -> Result<(), Diagnostic> {
        match &mut self.strictness {
            Strictness::Refuse => Err(diagnostic),
            Strictness::Collect(findings) if findings.len() < MAX_FINDINGS => {
                findings.push(Finding {
                    diagnostic,
                    is_error,
                });
                Ok(())
            }
            Strictness::Collect(_) => Err(Diagnostic::whole(
                "too many anchors, tags and unquoted values to check the policies in it",
                "write the policy to a file of its own",
            )),
        }
    }

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
        if let Some(diagnostic) = indirection(&event, &span) {
            self.find(diagnostic, false)?;
        }
        let Some(inner) = depth.checked_sub(1) else {
            return Err(Diagnostic::too_deep(span));
        };
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => match scalar::plain(&text, &span) {
                Ok(value) => value,
                Err(diagnostic) => {
                    self.find(diagnostic, false)?;
                    Value::String(text.into_owned())
                }
            },
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => Value::List(self.list(inner)?),
            Event::MappingStart(..) => {
                let (value, duplicates) = Value::map(self.members(inner)?, self.text);
                for duplicate in duplicates {
                    self.find(duplicate, true)?;
                }
                value
            }
            // What it stands for is not read.
            Event::Alias(_) => Value::Null,
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
                (event, span) => self.name(event, span, depth)?,
            };
            let (event, span) = self.next()?;
            members.push((name, self.node(event, span, depth)?));
        }
    }

    /// The name of a member, always a string.
    fn name(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Name, Diagnostic> {
        if let Some(diagnostic) = indirection(&event, &span) {
            self.find(diagnostic, false)?;
        }
        if is_merge_key(&event) {
            let problem = "merge keys are not supported";
            let help = "write its fields here";
            self.find(Diagnostic::at(span.clone(), problem, help), false)?;
        }
        let text = match event {
            Event::Scalar(text, ..) => text.into_owned(),
            // Unique, so that two of them are no duplicates.
            Event::Alias(_) => format!("*{}", span.start),
            event => {
                let problem = "expected a name, found a list or a mapping";
                let help = "write `name: value`; quote text that begins with a bracket or a brace";
                self.find(Diagnostic::at(span.clone(), problem, help), false)?;
                self.node(event, span.clone(), depth)?;
                format!("?{}", span.start)
            }
        };
        Ok(Name { span, text })
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

fn is_merge_key(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<")
}

/// An alias, an anchor or a tag.
fn indirection(event: &Event<'_>, span: &Span) -> Option<Diagnostic> {
    let (anchor, tagged) = match event {
        Event::Alias(_) => {
            let help = "write its value here; quote text that begins with `*`";
            let problem = "aliases are not supported";
            return Some(Diagnostic::at(span.clone(), problem, help));
        }
        Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
        Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
            (*anchor, tag.is_some())
        }
        _ => (0, false),
    };
    let (problem, help) = if anchor != 0 {
        let help = "remove it and repeat the value where it is needed";
        ("anchors are not supported", help)
    } else if tagged {
        let help = "remove it; quotes make any scalar a string";
        ("tags are not supported", help)
    } else {
        return None;
    };
    Some(Diagnostic::at(span.clone(), problem, help))
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
