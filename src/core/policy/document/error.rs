//! Errors of serde about a document, with their structure and their path.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::json::{self, Step};

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
    Type { found: String, expected: String },
    /// Anything else.
    Other(String),
}

impl DocumentError {
    /// The same error, with a step added in front of its path.
    pub(super) fn through(mut self, step: Step) -> Self {
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

impl Error for DocumentError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Problem::Other(message.to_string()).into()
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let name = name.to_owned();
        Problem::Unknown { name, known }.into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = describe(found);
        let expected = match expected.to_string().as_str() {
            "a sequence" => "a list",
            "a boolean" => "true or false",
            "f64" => "a number",
            other => other,
        }
        .to_owned();
        Problem::Type { found, expected }.into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unknown { name, .. } => write!(f, "unknown field `{name}`"),
            Problem::Type { found, expected } => write!(f, "expected {expected}, found {found}"),
            Problem::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DocumentError {}

/// What was found. Serde's own description would add the formatting of fractions to the
/// module: 14 KB that no policy needs.
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(truth) => format!("`{truth}`"),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Str(text) => format!("the string {text:?}"),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        _ => "a number with a fraction".to_owned(),
    }
}
