//! A document as a tree in which everything knows its place.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::report::{Fault, line_of};

#[cfg(test)]
mod tests;

/// How deep lists and maps may stand in one another. A policy needs 8 levels, and core bounds what
/// is free in form to 16.
pub(crate) const MAX_DEPTH: usize = 64;

/// A stretch of the file, in bytes.
pub(crate) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What JSON can say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it was written, in JSON's grammar: reading and writing it again could change it.
    Number(String),
    String(String),
    List(Vec<Node>),
    Map(Vec<(Name, Node)>),
}

/// The name of a member and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Name {
    pub(crate) span: Span,
    pub(crate) text: String,
}

// === impl Node ===

impl Node {
    /// The place that an error of core is about, by its path and what it says; `None` for the
    /// document as a whole. Where the path leads to what is not there, its nearest parent is meant.
    pub(crate) fn place(&self, path: &str, problem: &str) -> Option<Span> {
        let mut node = self;
        let mut name: Option<&Name> = None;
        let mut rest = path;
        while let Some((step, child, behind)) = node.step(rest) {
            (name, node, rest) = (step, child, behind);
        }
        // "unknown field `gruop`" is about the name itself, whatever its value.
        let named = |name: &&Name| {
            let quoted = format!("`{}`", name.text);
            node.is_collection() || node.span.is_empty() || problem.contains(&quoted)
        };
        match name.filter(named) {
            Some(name) => Some(name.span.clone()),
            None if std::ptr::eq(node, self) && node.is_collection() => None,
            None => Some(node.head()),
        }
    }

    /// The value at a path, if there is one.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        let mut node = self;
        let mut rest = path;
        while !rest.is_empty() {
            (_, node, rest) = node.step(rest)?;
        }
        Some(node)
    }

    /// One step down a path: the name that was followed, if any, what it leads to, and the rest of
    /// the path. Names may hold dots and brackets too, so the longest that fits is meant.
    fn step<'a, 'b>(&'a self, path: &'b str) -> Option<(Option<&'a Name>, &'a Self, &'b str)> {
        match &self.value {
            Value::Map(members) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                let fitting = members.iter().filter_map(|(name, node)| {
                    let rest = path.strip_prefix(&*name.text)?;
                    let whole = rest.is_empty() || rest.starts_with(['.', '[']);
                    whole.then_some((Some(name), node, rest))
                });
                fitting.min_by_key(|(_, _, rest)| rest.len())
            }
            Value::List(elements) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let node = elements.get(index.parse::<usize>().ok()?)?;
                Some((None, node, rest))
            }
            _ => None,
        }
    }

    const fn is_collection(&self) -> bool {
        matches!(self.value, Value::List(_) | Value::Map(_))
    }

    /// What to point at where this is meant: a map in YAML has nothing of its own but its first
    /// name.
    fn head(&self) -> Span {
        match &self.value {
            Value::Map(members) => match members.first() {
                Some((name, _)) => name.span.clone(),
                None => self.span.clone(),
            },
            _ => self.span.clone(),
        }
    }
}

impl fmt::Display for Node {
    /// Writes compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("null"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Number(text) => f.write_str(text),
            Value::String(text) => quoted(text, f),
            Value::List(elements) => {
                let mut mark = "[";
                for element in elements {
                    write!(f, "{mark}{element}")?;
                    mark = ",";
                }
                f.write_str(if elements.is_empty() { "[]" } else { "]" })
            }
            Value::Map(members) => {
                let mut mark = "{";
                for (name, value) in members {
                    f.write_str(mark)?;
                    quoted(&name.text, f)?;
                    write!(f, ":{value}")?;
                    mark = ",";
                }
                f.write_str(if members.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

// === impl Value ===

impl Value {
    /// A number in JSON's grammar; `None` for any other text. One that cannot be held exactly would
    /// be compared as another, so it is refused.
    pub(in crate::document) fn number(text: &str, span: &Span) -> Option<Result<Self, Fault>> {
        let shape = text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte));
        if !shape || serde_json::from_str::<&serde_json::value::RawValue>(text).is_err() {
            return None;
        }
        let held = if text.contains(['.', 'e', 'E']) {
            text.parse().is_ok_and(f64::is_finite)
        } else {
            text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
        };
        Some(if held {
            Ok(Self::Number(text.to_owned()))
        } else {
            let help = "write a number of at most 64 bits, or a string in quotes";
            Err(Fault::at(
                span.clone(),
                "a number too large to be exact",
                help,
            ))
        })
    }

    /// A map in which every name stands once. `text` is the whole file.
    pub(in crate::document) fn map(members: Vec<(Name, Node)>, text: &str) -> Result<Self, Fault> {
        let mut seen = HashMap::with_capacity(members.len());
        for (name, _) in &members {
            if let Some(first) = seen.insert(&*name.text, name) {
                let line = line_of(text, first.span.start);
                return Err(Fault::at(
                    name.span.clone(),
                    &format!("`{}` stands twice, first in line {line}", name.text),
                    "keep one of the two",
                ));
            }
        }
        Ok(Self::Map(members))
    }
}
