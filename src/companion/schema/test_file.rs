//! The schema of a test file.

use portcullis_core::reason::Reason;
use serde_json::{Map, Value, json};

use super::rule::{integer, one_of, pattern};
use super::{document, mapping, merge};

#[cfg(test)]
mod tests;

/// What a text with the placeholder of a table looks like.
const PLACEHOLDER: &str = r"\$\{[^}]*\}";

/// The schema of the files of `portcullis test`.
pub(crate) fn test_file() -> Value {
    let mut root = fields([
        (
            "policy",
            "The policy: a path relative to this file, of any input of `portcullis check` with one policy",
            text(),
        ),
        (
            "tests",
            "The cases",
            json!({"type": "array", "minItems": 1, "items": case()}),
        ),
    ]);
    merge(&mut root, json!({"required": ["policy", "tests"]}));
    document("Portcullis policy tests", root)
}

fn case() -> Value {
    let claims = || json!({"type": "object"});
    let mut case = fields([
        ("name", "What the case shows; unique in the file", text()),
        ("request", "The request", placeholder_or(request())),
        (
            "as",
            "The caller of this name, as audit records have it: `TRUST/NAMESPACE/NAME`, or `FROM/SUBJECT` for users",
            text(),
        ),
        ("groups", "The groups of the caller of `as`", texts()),
        (
            "email",
            "The verified e-mail address of the caller of `as`",
            text(),
        ),
        (
            "claims",
            "The claims of a bearer token; what the policy requires besides is added",
            placeholder_or(claims()),
        ),
        ("from", "The trust entry of `claims`", text()),
        (
            "person",
            "A user who has signed in: the claims of the ID token, and `provider` if there are several",
            placeholder_or(claims()),
        ),
        (
            "at",
            "When the request arrives, like `2027-01-31T00:00:00Z`; the default is now",
            text(),
        ),
        (
            "each",
            "A table: the case is run for each row, with the values of the row in place of `${NAME}`",
            json!({"type": "array", "minItems": 1, "items": {"type": "object"}}),
        ),
        (
            "expect",
            "What the gate has to decide",
            placeholder_or(expect()),
        ),
    ]);
    merge(
        &mut case,
        json!({"required": ["name", "request", "expect"]}),
    );
    case
}

fn request() -> Value {
    let mut request = fields([
        ("method", "The method; the default is `GET`", text()),
        ("url", "The URL, byte for byte as the proxy gets it", text()),
        (
            "headers",
            "Header fields: a value or several",
            placeholder_or(json!({"type": "object", "additionalProperties": texts()})),
        ),
    ]);
    merge(&mut request, json!({"required": ["url"]}));
    request
}

fn expect() -> Value {
    let reasons = Reason::ALL.map(Reason::code);
    let nullable = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let mut expect = fields([
        (
            "decision",
            "Whether the request is forwarded",
            placeholder_or(one_of(&["allowed", "refused"])),
        ),
        ("reason", "The reason", placeholder_or(one_of(&reasons))),
        (
            "rule",
            "The rule that allows the request; `null` for none",
            nullable(text()),
        ),
        (
            "status",
            "The status of the gate's answer; 200 for a forwarded request",
            placeholder_or(integer(100, 599)),
        ),
        (
            "headers",
            "Header fields of the request that the app gets, or of the gate's answer; `null` for none",
            placeholder_or(json!({"type": "object", "additionalProperties": nullable(text())})),
        ),
    ]);
    merge(&mut expect, json!({"minProperties": 1}));
    expect
}

fn fields<const N: usize>(fields: [(&str, &str, Value); N]) -> Value {
    let fields = fields.map(|(name, about, mut schema)| {
        merge(&mut schema, json!({"description": about}));
        (name.to_owned(), schema)
    });
    mapping(Map::from_iter(fields))
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

/// A text or a list of them.
fn texts() -> Value {
    json!({"anyOf": [text(), {"type": "array", "minItems": 1, "items": text()}]})
}

/// A value, or the placeholder of one.
fn placeholder_or(schema: Value) -> Value {
    let mut placeholder = pattern(PLACEHOLDER);
    merge(&mut placeholder, json!({"type": "string"}));
    json!({"anyOf": [schema, placeholder]})
}
