//! Errors of a document's names and types, with their path.

use std::fmt;

use crate::json::{self, Json, Step};

/// What is wrong with a document, and where.
#[derive(Debug)]
pub(super) struct DocumentError {
    pub(super) problem: Problem,
    /// The path to it, the innermost step first.
    trail: Vec<Step>,
}

/// What is wrong with a name or a value.
#[derive(Debug)]
pub(super) enum Problem {
    /// An unknown name.
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    /// A value of another type.
    Type {
        found: String,
        expected: &'static str,
    },
}

// === impl DocumentError ===

impl DocumentError {
    /// An unknown name.
    pub(super) fn unknown(name: &str, known: &'static [&'static str]) -> Self {
        let name = name.to_owned();
        Problem::Unknown { name, known }.into()
    }

    /// A value of another type than the expected one.
    pub(super) fn wrong_type(found: &Json, expected: &'static str) -> Self {
        let found = describe(found);
        Problem::Type { found, expected }.into()
    }

    /// The same error, seen from the object that has it in this member.
    pub(super) fn in_member(self, name: &str) -> Self {
        self.through(Step::Member(name.to_owned()))
    }

    /// The same error, seen from the list that has it in this element.
    pub(super) fn in_element(self, index: usize) -> Self {
        self.through(Step::Element(index))
    }

    fn through(mut self, step: Step) -> Self {
        self.trail.push(step);
        self
    }

    /// Where it is: `apps[0].rules`. Empty for the document as a whole.
    pub(super) fn path(&self) -> String {
        json::path(&self.trail)
    }
}

impl From<Problem> for DocumentError {
    fn from(problem: Problem) -> Self {
        let trail = Vec::new();
        Self { problem, trail }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unknown { name, .. } => write!(f, "unknown field `{name}`"),
            Problem::Type { found, expected } => write!(f, "expected {expected}, found {found}"),
        }
    }
}

impl std::error::Error for DocumentError {}

/// What was found. The formatting of fractions would add 14 KB to the module, which no policy needs.
fn describe(found: &Json) -> String {
    match found {
        Json::Null => "null".to_owned(),
        Json::Bool(truth) => format!("`{truth}`"),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => format!("the number {number}"),
            (_, Some(number)) => format!("the number {number}"),
            _ => "a number with a fraction".to_owned(),
        },
        Json::String(text) => format!("the string {text:?}"),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a mapping".to_owned(),
    }
}
