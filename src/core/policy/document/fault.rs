//! What serde finds wrong with a document, kept as it is found instead of as a sentence.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// What is wrong with a name or a value.
#[derive(Debug)]
pub(super) enum Fault {
    /// A name that is not known here.
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    /// A value of another type.
    Type { found: String, expected: String },
    /// Anything else.
    Other(String),
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let name = name.to_owned();
        Self::Unknown { name, known }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Type {
            found: describe(found),
            expected: expected.to_string(),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, .. } => write!(f, "unknown field `{name}`"),
            Self::Type { found, .. } => write!(f, "invalid type: {found}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

/// What stands there. Serde's own words would bring the formatting of fractions into the module,
/// which is 14 KB that no policy needs.
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(truth) => format!("boolean `{truth}`"),
        Unexpected::Map => "map".to_owned(),
        Unexpected::Seq => "sequence".to_owned(),
        Unexpected::Signed(number) => format!("integer `{number}`"),
        Unexpected::Str(text) => format!("string {text:?}"),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Unsigned(number) => format!("integer `{number}`"),
        _ => "a number with a fraction".to_owned(),
    }
}
