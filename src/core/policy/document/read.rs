//! From text to wire types, and from their errors to errors with a help.

use serde::Deserialize as _;

use crate::json::{self, Json, JsonError};
use crate::policy::error::PolicyError;
use crate::policy::suggestion;

use super::Document;
use super::error::{DocumentError, Problem};
use super::value::Value;

/// Reads a document: one JSON object and nothing after it.
pub(in crate::policy) fn read(text: &str) -> Result<Document, PolicyError> {
    let json = Json::parse(text.as_bytes()).map_err(|error| misread(&error))?;
    Document::deserialize(Value(&json)).map_err(|error| mistaken(&error))
}

/// What is wrong with the text itself.
fn misread(error: &JsonError) -> PolicyError {
    let message = error.to_string();
    match error.kind() {
        json::JsonErrorKind::Syntax => {
            // "not JSON at line 5 column 9"
            let place = message.trim_start_matches("not JSON ");
            let help = "write one JSON object, as `portcullis check --json` prints it";
            PolicyError::new(error.path(), &["not JSON: stopped ", place].concat(), help)
        }
        json::JsonErrorKind::Duplicate => {
            PolicyError::new(error.path(), &message, "keep one of the two")
        }
        json::JsonErrorKind::Depth => PolicyError::new(
            error.path(),
            &message,
            "remove the inner levels; no policy needs that many",
        ),
        json::JsonErrorKind::Size => {
            let help = "give each gateway the apps that it serves, or fewer values";
            PolicyError::new(error.path(), &message, help)
        }
    }
}

/// What is wrong with a name or a value.
fn mistaken(error: &DocumentError) -> PolicyError {
    let help = match &error.problem {
        Problem::Unknown { name, known } => suggestion(name, known),
        Problem::Type { expected, .. } => wanted(expected),
        Problem::Other(_) => "correct the value, or remove it".to_owned(),
    };
    PolicyError::new(&error.path(), &error.to_string(), &help)
}

/// What to write instead of a value of the wrong type, in the words of those who write policies.
fn wanted(expected: &str) -> String {
    let wanted = match expected {
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "f64" => "a number",
        other => other,
    };
    ["write ", wanted, ", or leave it out"].concat()
}
