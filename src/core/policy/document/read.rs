//! From text to wire types, and from their errors to policy errors with help.

use crate::json::{self, Json, JsonError};
use crate::policy::error::PolicyError;
use crate::policy::{PolicyDigest, suggestion};

use super::Document;
use super::error::{DocumentError, Problem};
use super::value::Wire as _;

/// The maximum number of values in a policy: thirty thousand apps of ten rules.
const MAX_VALUES: usize = 2_000_000;

/// Reads a document: one JSON object and nothing after it.
pub(in crate::policy) fn read(text: &str) -> Result<(Document, PolicyDigest), PolicyError> {
    let json =
        Json::parse_bounded(text.as_bytes(), MAX_VALUES).map_err(|error| syntax_error(&error))?;
    let document = Document::read(&json).map_err(|error| document_error(&error))?;
    Ok((document, PolicyDigest::of(&json)))
}

/// The error for a text that is not valid JSON.
fn syntax_error(error: &JsonError) -> PolicyError {
    let message = error.to_string();
    match error.kind() {
        json::JsonErrorKind::Syntax => {
            // "not JSON at line 5 column 9"
            let place = message.trim_start_matches("not JSON ");
            let help = "write one JSON object, as `portcullis check --json` prints it";
            PolicyError::new(error.path(), &["not JSON: error ", place].concat(), help)
        }
        json::JsonErrorKind::Duplicate => {
            PolicyError::new(error.path(), &message, "remove one of the two")
        }
        json::JsonErrorKind::Depth => PolicyError::new(
            error.path(),
            &message,
            "remove the inner levels; no policy needs that many",
        ),
        json::JsonErrorKind::Size => {
            let help = "use fewer values, or give each gateway only the apps that it serves";
            PolicyError::new(error.path(), &message, help)
        }
    }
}

/// The error for a wrong name or value.
fn document_error(error: &DocumentError) -> PolicyError {
    let help = match &error.problem {
        Problem::Unknown { name, known } => suggestion(name, known),
        Problem::Type { expected, .. } => ["write ", expected, ", or remove the field"].concat(),
    };
    PolicyError::new(&error.path(), &error.to_string(), &help)
}
