//! JSON (RFC 8259) with locations.
//!
//! serde_json returns each value as a slice of the file, so its location is the distance between two
//! slices, and nothing is parsed by hand.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{MAX_DEPTH, Name, Node, Span, Value};
use super::report::{Diagnostic, line_start};

#[cfg(test)]
mod tests;

/// Parses one JSON value, with nothing after it.
pub(super) fn read(text: &str) -> Result<Node, Diagnostic> {
    if text.trim().is_empty() {
        return Ok(Node {
            span: 0..0,
            value: Value::Null,
        });
    }
    let reader = Reader { text };
    let raw = reader.parse(text)?;
    reader.node(raw, MAX_DEPTH)
}

struct Reader<'a> {
    text: &'a str,
}

/// The members of an object in order, with duplicates.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

// === impl Reader ===

impl<'a> Reader<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Diagnostic> {
        let slice = raw.get();
        let span = self.span(slice);
        let Some(inner) = depth.checked_sub(1) else {
            return Err(Diagnostic::too_deep(span));
        };
        let value = match slice.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = self.parse(slice)?;
                let members = members.into_iter().map(|(name, value)| {
                    let name = Name {
                        span: self.span(name.get()),
                        text: self.parse(name.get())?,
                    };
                    Ok((name, self.node(value, inner)?))
                });
                let members = members.collect::<Result<_, _>>()?;
                let (value, duplicates) = Value::map(members, self.text);
                match duplicates.into_iter().next() {
                    Some(duplicate) => return Err(duplicate),
                    None => value,
                }
            }
            Some(b'[') => {
                let elements: Vec<&RawValue> = self.parse(slice)?;
                let elements = elements.into_iter().map(|raw| self.node(raw, inner));
                Value::List(elements.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::String(self.parse(slice)?),
            Some(b'n') => Value::Null,
            Some(b't' | b'f') => Value::Bool(self.parse(slice)?),
            _ => match Value::number(slice, &span) {
                Some(number) => number?,
                None => return Err(invalid_json(span, "expected value")),
            },
        };
        Ok(Node { span, value })
    }

    /// Parses a part of the file. Errors have the location in the whole file.
    fn parse<T: Deserialize<'a>>(&self, part: &'a str) -> Result<T, Diagnostic> {
        serde_json::from_str(part).map_err(|error| {
            let line = line_start(part, error.line());
            let at = line + error.column().saturating_sub(1);
            let at = self.span(part).start + at.min(part.len());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            invalid_json(at..at + 1, message)
        })
    }

    fn span(&self, part: &str) -> Span {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.len()
    }
}

fn invalid_json(span: Span, message: &str) -> Diagnostic {
    let help = "correct the JSON syntax, or use the extension `.yaml` for YAML";
    Diagnostic::at(span, &format!("invalid JSON: {message}"), help)
}

// === impl Members ===

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(&'de RawValue, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Collect).map(Members)
    }
}
