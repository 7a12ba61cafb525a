//! Plain scalars: words without quotes, of which YAML's readers make different things.

use crate::document::node::{Span, Value};
use crate::document::report::Fault;

#[cfg(test)]
mod tests;

/// What a word without quotes means: null and the truths of YAML 1.2's core schema, numbers in
/// JSON's grammar, and else text. A word that is text here and something else to a reader of
/// YAML 1.1, or to Envoy's, is refused.
pub(super) fn plain(text: &str, span: &Span) -> Result<Value, Fault> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(number) = Value::number(text, span) {
        return number;
    }
    let other = if is_truth(text) {
        "a truth"
    } else if is_number(text) {
        "another number"
    } else if is_date(text) {
        "a date"
    } else {
        return Ok(Value::String(text.to_owned()));
    };
    Err(Fault::at(
        span.clone(),
        &format!("`{text}` is {other} to some readers of YAML"),
        &format!("write \"{text}\" in quotes if it is text, else write the value as JSON does"),
    ))
}

/// YAML 1.1's other spellings of true and false.
fn is_truth(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"]
        .iter()
        .any(|truth| text.eq_ignore_ascii_case(truth))
}

/// Numbers that JSON doesn't have: octal, hexadecimal, binary, signed with `+`, grouped with `_`,
/// to the base of 60, without digits on one side of the point, infinite, or none at all.
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

/// YAML 1.1's timestamps: a date, alone or with a time behind it.
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
