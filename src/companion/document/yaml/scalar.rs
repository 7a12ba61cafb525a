//! Plain (unquoted) scalars, which YAML parsers read differently.

use portcullis_core::timestamp::Timestamp;

use crate::document::node::{Span, Value};
use crate::document::report::Diagnostic;

#[cfg(test)]
mod tests;

/// The value of a plain scalar: null and booleans of YAML 1.2's core schema, numbers in JSON's grammar, or
/// else a string. A scalar that is a string here and something else in YAML 1.1, or for Envoy, is an
/// error; but not a complete timestamp in UTC, which means the same to all of them.
pub(super) fn plain(text: &str, span: &Span) -> Result<Value, Diagnostic> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(number) = Value::number(text, span) {
        return number;
    }
    let other = if is_boolean(text) {
        "a boolean"
    } else if is_number(text) {
        "a number"
    } else if is_date(text) && Timestamp::parse(text).is_none() {
        "a date"
    } else {
        return Ok(Value::String(text.to_owned()));
    };
    Err(Diagnostic::at(
        span.clone(),
        &format!("`{text}` is {other} for some YAML parsers"),
        &format!("write \"{text}\" with quotes for a string, or write the value as in JSON"),
    ))
}

/// YAML 1.1's other spellings of true and false.
fn is_boolean(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"]
        .iter()
        .any(|truth| text.eq_ignore_ascii_case(truth))
}

/// Numbers that JSON doesn't have: octal, hexadecimal, binary, with `+`, with `_`, sexagesimal, without
/// digits on one side of the point, infinite, or not a number.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.replace('_', "").to_ascii_lowercase();
    if matches!(&*digits, ".inf" | ".nan") {
        return true;
    }
    let based = |prefix, base| {
        let rest = digits.strip_prefix(prefix).unwrap_or_default();
        !rest.is_empty() && rest.chars().all(|c| c.is_digit(base))
    };
    let sexagesimal = || {
        let whole = digits.split('.').next().unwrap_or_default();
        let plain = |part: &str| (1..=9).contains(&part.len()) && is_digits(part);
        whole.contains(':') && whole.split(':').all(plain)
    };
    based("0x", 16)
        || based("0o", 8)
        || based("0b", 2)
        || sexagesimal()
        || digits.starts_with(|c: char| c == '.' || c.is_ascii_digit())
            && digits.parse::<f64>().is_ok()
}

/// YAML 1.1's timestamps: a date with an optional time.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day = rest.split(['T', 't', ' ', '\t']).next().unwrap_or_default();
    let short = |part: &str| (1..=2).contains(&part.len()) && is_digits(part);
    year.len() == 4 && is_digits(year) && short(month) && short(day)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
