//! A strict JSON parser for security decisions. Duplicate member names are refused at any depth,
//! compared after unescaping (RFC 7515 section 4 allows a parser to refuse them; with "last wins",
//! two parsers can disagree). Depth and size are bounded.

mod writer;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

pub(crate) use writer::{ObjectWriter, quoted};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deeply arrays and objects may be nested.
const MAX_DEPTH: usize = 16;

/// The maximum number of values in a token, a key set or a list of revocations: enough for a full one.
const MAX_VALUES: usize = 4 * 4096 + 4;

/// From this number on, 2^53, several integers are the same double.
pub const FIRST_INEXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A JSON value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; exact if it is an integer of 64 bits.
    Number(serde_json::Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object: its members in order, each name once.
    Object(Vec<(String, Self)>),
}

/// Why a text is not acceptable JSON. Its Display repeats nothing of the document, which may be
/// secret; only [`JsonError::path`] does.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} at line {line} column {column}")]
pub struct JsonError {
    kind: JsonErrorKind,
    line: usize,
    column: usize,
    path: String,
}

/// The kind of a [`JsonError`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonErrorKind {
    /// It is not JSON.
    Syntax,
    /// An object has duplicate names.
    Duplicate,
    /// Arrays and objects are nested too deeply.
    Depth,
    /// It has too many values.
    Size,
}

impl Json {
    /// Parses one document: UTF-8, no byte order mark, no trailing content.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        Self::parse_bounded(text, MAX_VALUES)
    }

    /// The same with at most this many values.
    pub(crate) fn parse_bounded(text: &[u8], max_values: usize) -> Result<Self, JsonError> {
        // One check for the whole document is faster than one for each string.
        let text = std::str::from_utf8(text)
            .map_err(|error| JsonError::not_utf8(text.get(..error.valid_up_to())))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let progress = Progress::new(max_values);
        let value = Seed {
            depth: MAX_DEPTH,
            progress: &progress,
        }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
        value.map_err(|error| JsonError {
            kind: progress.kind.get().unwrap_or(JsonErrorKind::Syntax),
            line: error.line(),
            column: error.column(),
            path: path(&progress.trail.borrow()),
        })
    }

    /// The member of this name, if this is an object that has one.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.as_object()?
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The member at this path of names.
    pub fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |value, name| value.member(name))
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&[(String, Self)]> {
        if let Self::Object(members) = self {
            Some(members)
        } else {
            None
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self {
            Some(elements)
        } else {
            None
        }
    }

    /// The bytes of memory that it takes, approximately.
    pub(crate) fn size(&self) -> usize {
        let inner = match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::String(text) => text.len(),
            Self::Array(elements) => elements.iter().map(Self::size).sum(),
            Self::Object(members) => {
                let size = |(name, value): &(String, Self)| {
                    let name_size = size_of::<String>().saturating_add(name.len());
                    name_size.saturating_add(value.size())
                };
                members.iter().map(size).sum()
            }
        };
        size_of::<Self>().saturating_add(inner)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// Whether this is `true`, or that word as a string: some providers, such as Amazon Cognito, write
    /// booleans as strings.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Bool(truth) => *truth,
            Self::String(truth) => truth == "true",
            Self::Null | Self::Number(_) | Self::Array(_) | Self::Object(_) => false,
        }
    }

    /// The boolean, if this is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self {
            Some(*truth)
        } else {
            None
        }
    }
}

impl JsonError {
    /// The error for a document that is not UTF-8 after `text`.
    fn not_utf8(text: Option<&[u8]>) -> Self {
        let mut lines = text.unwrap_or_default().split(|byte| *byte == b'\n').rev();
        let last = lines.next().unwrap_or_default();
        Self {
            kind: JsonErrorKind::Syntax,
            line: lines.count().saturating_add(1),
            column: last.len().saturating_add(1),
            path: String::new(),
        }
    }

    /// What is wrong.
    pub const fn kind(&self) -> JsonErrorKind {
        self.kind
    }

    /// The path of the error: `apps[0].rules`. Empty for the whole document.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not JSON",
            Self::Duplicate => "duplicate name",
            Self::Depth => "nested too deeply",
            Self::Size => "too many values",
        })
    }
}

impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed {
            depth: MAX_DEPTH,
            progress: &Progress::new(MAX_VALUES),
        }
        .deserialize(deserializer)
    }
}

impl serde::Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// A duplicate name. The few names of a usual object are compared with each other, which is cheaper
/// than hashing them.
fn duplicate(members: &[(String, Json)]) -> Option<&str> {
    const FEW: usize = 16;
    let mut names = members.iter().map(|(name, _)| name.as_str());
    if members.len() > FEW {
        let mut seen = HashSet::with_capacity(members.len());
        return names.find(|name| !seen.insert(*name));
    }
    let mut before = 0..;
    names.find(|name| {
        let before = before.next().unwrap_or_default();
        members.iter().take(before).any(|(other, _)| other == name)
    })
}

/// The state of the parser.
struct Progress {
    /// How many more values the document may have.
    values: Cell<usize>,
    kind: Cell<Option<JsonErrorKind>>,
    /// The path to an error, the innermost step first.
    trail: RefCell<Vec<Step>>,
}

impl Progress {
    fn new(max_values: usize) -> Self {
        Self {
            values: Cell::new(max_values),
            kind: Cell::default(),
            trail: RefCell::default(),
        }
    }
}

/// One step of a path in a document.
#[derive(Debug)]
pub(crate) enum Step {
    /// Into an array.
    Element(usize),
    /// Into an object.
    Member(String),
}

/// A path as text: `apps[0].rules`. The innermost step comes first.
pub(crate) fn path(trail: &[Step]) -> String {
    let mut path = String::new();
    for step in trail.iter().rev() {
        match step {
            Step::Element(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
            Step::Member(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
        }
    }
    path
}

/// Parses one value with at most `depth` levels of nesting.
#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    progress: &'a Progress,
}

impl Seed<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.fail(JsonErrorKind::Depth)),
        }
    }

    fn fail<E: serde::de::Error>(self, kind: JsonErrorKind) -> E {
        self.progress.kind.set(Some(kind));
        E::custom(kind)
    }

    fn add_step(self, step: Step) {
        self.progress.trail.borrow_mut().push(step);
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let Some(values) = self.progress.values.get().checked_sub(1) else {
            return Err(self.fail(JsonErrorKind::Size));
        };
        self.progress.values.set(values);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Json, E> {
        serde_json::Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut elements = Vec::new();
        loop {
            match seq.next_element_seed(inner) {
                Ok(Some(element)) => elements.push(element),
                Ok(None) => return Ok(Json::Array(elements)),
                Err(error) => {
                    self.add_step(Step::Element(elements.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            match map.next_value_seed(inner) {
                Ok(value) => members.push((name, value)),
                Err(error) => {
                    self.add_step(Step::Member(name));
                    return Err(error);
                }
            }
        }
        if let Some(name) = duplicate(&members) {
            self.add_step(Step::Member(name.to_owned()));
            return Err(self.fail(JsonErrorKind::Duplicate));
        }
        Ok(Json::Object(members))
    }
}
