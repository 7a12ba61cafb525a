//! From text to wire types, and from what goes wrong on the way to errors that help.

use serde::Deserialize as _;

use crate::json::{self, Json, JsonError};
use crate::policy::error::PolicyError;
use crate::policy::suggestion;

use super::Document;
use super::fault::{Fault, Problem};
use super::value::Value;

/// Reads a document: one JSON object and nothing behind it.
pub(in crate::policy) fn read(text: &str) -> Result<Document, PolicyError> {
    let json = Json::parse(text.as_bytes()).map_err(|error| misread(&error))?;
    Document::deserialize(Value(&json)).map_err(|fault| mistaken(&fault))
}

/// What is wrong with the text itself.
fn misread(error: &JsonError) -> PolicyError {
    let message = error.to_string();
    match error.fault() {
        json::Fault::Syntax => {
            // "not JSON at line 5 column 9"
            let place = message.trim_start_matches("not JSON ");
            let help = "write one JSON object, as `portcullis check --json` prints it";
            PolicyError::new(error.path(), &["not JSON: stopped ", place].concat(), help)
        }
        json::Fault::Duplicate => PolicyError::new(error.path(), &message, "keep one of the two"),
        json::Fault::Depth => PolicyError::new(
            error.path(),
            &message,
            "remove the inner levels; no policy needs that many",
        ),
        json::Fault::Size => {
            let help = "give each gateway the apps that it serves, or fewer values";
            PolicyError::new(error.path(), &message, help)
        }
    }
}

/// What is wrong with a name or a value.
fn mistaken(fault: &Fault) -> PolicyError {
    let help = match &fault.problem {
        Problem::Unknown { name, known } => suggestion(name, known),
        Problem::Type { expected, .. } => wanted(expected),
        Problem::Other(_) => "correct the value, or remove it".to_owned(),
    };
    PolicyError::new(&fault.path(), &fault.to_string(), &help)
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
