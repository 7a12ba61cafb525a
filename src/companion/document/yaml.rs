//! YAML with places: as much of YAML 1.2 as reads the same to everybody.
//!
//! The same policy may stand under a `Struct` in an Envoy configuration, or be rendered by a tool
//! that reads YAML 1.1. So nothing is guessed: a plain word that one of them takes for a truth, a
//! number or a date must stand in quotes, and what says a thing without showing it where it counts
//! (anchors, aliases, merge keys, tags, a second document) is refused.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as Marks, StrInput};

use super::node::{MAX_DEPTH, Name, Node, Span, Value};
use super::report::Fault;

mod scalar;

#[cfg(test)]
mod tests;

/// Reads the one document of a YAML file; a file without any is null.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader {
        text,
        places: Places::new(text),
        parser: Parser::new_from_str(text),
    };
    reader.document()
}

struct Reader<'a> {
    text: &'a str,
    places: Places,
    parser: Parser<'a, StrInput<'a>>,
}

/// Turns the parser's places, counted in characters, into bytes.
struct Places {
    /// Where each character begins; empty where all of them are bytes.
    starts: Vec<usize>,
    end: usize,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Fault> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let help = "keep one document, without `---` behind it";
                    return Err(Fault::at(span, "a second document", help));
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

    /// The node that begins with an event.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        refuse_indirection(&event, &span)?;
        let Some(inner) = depth.checked_sub(1) else {
            return Err(Fault::too_deep(span));
        };
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => scalar::plain(&text, &span)?,
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => Value::List(self.list(inner)?),
            Event::MappingStart(..) => Value::map(self.members(inner)?, self.text)?,
            _ => return Err(not_yaml(span, "a value is missing")),
        };
        Ok(Node { span, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(elements),
                (event, span) => elements.push(self.node(event, span, depth)?),
            }
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Name, Node)>, Fault> {
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

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, marks))) => Ok((event, self.places.span(marks))),
            Some(Err(error)) => Err(self.unparsed(&error)),
            None => {
                let end = self.text.len();
                Err(not_yaml(end..end, "it ends too early"))
            }
        }
    }

    fn unparsed(&self, error: &ScanError) -> Fault {
        let at = self.places.byte(*error.marker());
        not_yaml(at..at + 1, error.info())
    }
}

/// The name of a member: always text, so nothing is guessed of it.
fn name(event: Event<'_>, span: Span) -> Result<Name, Fault> {
    refuse_indirection(&event, &span)?;
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => Err(Fault::at(
            span,
            "a merge key",
            "write out the members that it stands for",
        )),
        Event::Scalar(text, ..) => Ok(Name {
            span,
            text: text.into_owned(),
        }),
        _ => Err(Fault::at(
            span,
            "a list or a map where a name must stand",
            "write `name: value`; text that begins with a bracket or a brace needs quotes",
        )),
    }
}

fn refuse_indirection(event: &Event<'_>, span: &Span) -> Result<(), Fault> {
    let (anchor, tagged) = match event {
        Event::Alias(_) => {
            let help = "write out what it stands for; text that begins with `*` needs quotes";
            return Err(Fault::at(span.clone(), "an alias", help));
        }
        Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
        Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
            (*anchor, tag.is_some())
        }
        _ => (0, false),
    };
    if anchor != 0 {
        let help = "leave it out and write each value where it counts";
        return Err(Fault::at(span.clone(), "a value with an anchor", help));
    }
    if tagged {
        let help = "leave it out; quotes make a string of anything";
        return Err(Fault::at(span.clone(), "a value with a tag", help));
    }
    Ok(())
}

fn not_yaml(span: Span, message: &str) -> Fault {
    let help = "look at the indentation (spaces, no tabs), quotes, brackets and colons there";
    Fault::at(span, &format!("not YAML: {message}"), help)
}

// === impl Places ===

impl Places {
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
