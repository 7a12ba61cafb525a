//! What values must look like, as parts of a schema.

use serde_json::{Value, json};

/// A string that is not empty and has no control character.
pub(crate) fn text() -> Value {
    pattern(r"^[^\x00-\x1f\x7f-\x9f]+$")
}

/// Visible ASCII, at least one character.
pub(crate) fn visible() -> Value {
    pattern("^[!-~]+$")
}

/// The name of a trust entry, a provider, an app or a rule.
pub(crate) fn name() -> Value {
    pattern("^[a-z0-9-]{1,63}$")
}

/// A whole number followed by `s`, `m` or `h`.
pub(crate) fn duration() -> Value {
    pattern("^[0-9]{1,9}[smh]$")
}

/// A string that matches.
pub(crate) fn pattern(pattern: &str) -> Value {
    json!({"pattern": pattern})
}

/// One of these strings.
pub(crate) fn one_of(values: &[&str]) -> Value {
    json!({"enum": values})
}

/// A whole number within these bounds.
pub(crate) fn integer(minimum: u64, maximum: u64) -> Value {
    json!({"type": "integer", "minimum": minimum, "maximum": maximum})
}

/// A list of any length, whose elements follow a rule.
pub(crate) fn each(element: Value) -> Value {
    json!({"items": element})
}

/// A list of at least one element, whose elements follow a rule.
pub(crate) fn filled(element: Value) -> Value {
    json!({"minItems": 1, "items": element})
}
