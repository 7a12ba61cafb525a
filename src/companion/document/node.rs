//! A document as a tree of values with locations.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use super::report::{Diagnostic, line_of};

#[cfg(test)]
mod tests;

/// The maximum nesting of lists and mappings. A policy needs 8 levels, and core limits free-form values to
/// 16.
pub(crate) const MAX_DEPTH: usize = 64;

/// A range of bytes in the file.
pub(crate) type Span = Range<usize>;

/// A value and its location.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    pub(crate) span: Span,
    /// The value.
    pub value: Value,
}

/// A value of JSON's data model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// As written, in JSON's grammar: parsing and serializing it could change it.
    Number(String),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in order, without duplicate names.
    Map(Vec<(Name, Node)>),
}

/// The name of a member and its location.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name {
    pub(crate) span: Span,
    /// The name.
    pub text: String,
}

// === impl Node ===

impl Node {
    /// The location of an error of core, by its path and its text; `None` for the document as a whole.
    /// Where nothing is at the path, the location is that of its nearest parent.
    pub(crate) fn locate(&self, path: &str, problem: &str) -> Option<Span> {
        let mut node = self;
        let mut name: Option<&Name> = None;
        let mut rest = path;
        while let Some((step, child, remaining)) = node.step(rest) {
            (name, node, rest) = (step, child, remaining);
        }
        // "unknown field `gruop`" is about the name itself, whatever its value.
        let is_about_name = |name: &&Name| {
            let quoted = format!("`{}`", name.text);
            node.is_collection() || node.span.is_empty() || problem.contains(&quoted)
        };
        match name.filter(is_about_name) {
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

    /// The member of this name of a mapping.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        let members = self.as_map()?;
        let member = members.iter().find(|(own, _)| own.text == name);
        member.map(|(_, node)| node)
    }

    /// The members of a mapping.
    pub(crate) fn as_map(&self) -> Option<&[(Name, Self)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The elements of a list.
    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text of a string.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages: `a list`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// From the first to the last value in it.
    pub(crate) fn extent(&self) -> Span {
        let mut extent = self.span.clone();
        self.each_span(&mut |span| {
            extent = extent.start.min(span.start)..extent.end.max(span.end);
        });
        extent
    }

    fn each_span(&self, found: &mut impl FnMut(&Span)) {
        found(&self.span);
        match &self.value {
            Value::List(elements) => elements.iter().for_each(|element| element.each_span(found)),
            Value::Map(members) => {
                for (name, member) in members {
                    found(&name.span);
                    member.each_span(found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The same value with other locations.
    pub(crate) fn relocated(&self, locate: &impl Fn(&Span) -> Span) -> Self {
        let value = match &self.value {
            Value::List(elements) => {
                let elements = elements.iter().map(|element| element.relocated(locate));
                Value::List(elements.collect())
            }
            Value::Map(members) => {
                let members = members.iter().map(|(name, member)| {
                    let span = locate(&name.span);
                    let text = name.text.clone();
                    (Name { span, text }, member.relocated(locate))
                });
                Value::Map(members.collect())
            }
            other => other.clone(),
        };
        let span = locate(&self.span);
        Self { span, value }
    }

    /// One step down a path: the name, if any, the value, and the rest of the path. Names may contain
    /// dots and brackets, so the longest match wins.
    fn step<'a, 'b>(&'a self, path: &'b str) -> Option<(Option<&'a Name>, &'a Self, &'b str)> {
        match &self.value {
            Value::Map(members) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                let matches = members.iter().filter_map(|(name, node)| {
                    let rest = path.strip_prefix(&*name.text)?;
                    let is_whole = rest.is_empty() || rest.starts_with(['.', '[']);
                    is_whole.then_some((Some(name), node, rest))
                });
                matches.min_by_key(|(_, _, rest)| rest.len())
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

    /// What to underline: a block mapping in YAML has no token, so its first name.
    pub(crate) fn head(&self) -> Span {
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
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("null"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Number(text) => f.write_str(text),
            Value::String(text) => quoted(text, f),
            Value::List(elements) => {
                let mut separator = "[";
                for element in elements {
                    write!(f, "{separator}{element}")?;
                    separator = ",";
                }
                f.write_str(if elements.is_empty() { "[]" } else { "]" })
            }
            Value::Map(members) => {
                let mut separator = "{";
                for (name, value) in members {
                    f.write_str(separator)?;
                    quoted(&name.text, f)?;
                    write!(f, ":{value}")?;
                    separator = ",";
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
    /// A number in JSON's grammar; `None` for any other text. A number that can't be represented
    /// exactly is an error, because it would equal another one.
    pub(in crate::document) fn number(text: &str, span: &Span) -> Option<Result<Self, Diagnostic>> {
        let has_number_bytes = text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte));
        if !has_number_bytes || serde_json::from_str::<&serde_json::value::RawValue>(text).is_err()
        {
            return None;
        }
        let is_exact = if text.contains(['.', 'e', 'E']) {
            text.parse().is_ok_and(f64::is_finite)
        } else {
            text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
        };
        Some(if is_exact {
            Ok(Self::Number(text.to_owned()))
        } else {
            let help = "write a number of at most 64 bits, or a quoted string";
            Err(Diagnostic::at(span.clone(), "number too large", help))
        })
    }

    /// A mapping without duplicate names: of these only the first is kept, and each other is an error. `text` is
    /// the whole file.
    pub(in crate::document) fn map(
        mut members: Vec<(Name, Node)>,
        text: &str,
    ) -> (Self, Vec<Diagnostic>) {
        let mut seen = HashMap::with_capacity(members.len());
        let mut duplicates = Vec::new();
        for (name, _) in &members {
            if let Some(first) = seen.get(&*name.text) {
                let line = line_of(text, *first);
                duplicates.push(Diagnostic::at(
                    name.span.clone(),
                    &format!("duplicate name `{}`, first on line {line}", name.text),
                    "remove one of them",
                ));
            } else {
                seen.insert(&*name.text, name.span.start);
            }
        }
        if !duplicates.is_empty() {
            let mut seen = HashSet::new();
            members.retain(|(name, _)| seen.insert(name.text.clone()));
        }
        (Self::Map(members), duplicates)
    }
}
