//! The checks that all parts of a policy share.

use std::time::Duration;

use crate::escape;
use crate::policy::duration;
use crate::policy::error::{Location, PolicyError};

/// A required field.
pub(super) fn required<T>(
    value: Option<T>,
    location: &Location,
    name: &str,
    help: &str,
) -> Result<T, PolicyError> {
    value.ok_or_else(|| location.error(&["missing field `", name, "`"].concat(), help))
}

/// A list that must not be empty if given: an empty one looks like "none" and would mean "all".
pub(super) fn filled<T>(
    list: Vec<T>,
    location: &Location,
    help: &str,
) -> Result<Vec<T>, PolicyError> {
    if list.is_empty() {
        return Err(location.error("the list is empty", help));
    }
    Ok(list)
}

/// A list of strings, none of them empty.
pub(super) fn texts(list: Vec<String>, location: &Location) -> Result<Vec<String>, PolicyError> {
    each(list, location, text)
}

/// A string that is not empty and has no control characters, which no accepted header or claim has.
pub(super) fn text(value: String, location: &Location) -> Result<String, PolicyError> {
    if value.is_empty() {
        return Err(location.error("the string is empty", "write a value"));
    }
    if value.chars().any(char::is_control) {
        return Err(location.error(
            "the string contains a control character",
            "remove it; no request could match",
        ));
    }
    Ok(value)
}

/// A text of visible characters, which pages or logs show: at most `most` bytes, and not only spaces.
pub(super) fn visible(
    text: Option<String>,
    most: usize,
    example: &str,
    location: &Location,
) -> Result<Option<String>, PolicyError> {
    let Some(text) = text else { return Ok(None) };
    let is_blank = text.bytes().all(|byte| byte == b' ');
    if is_blank || text.len() > most || text.chars().any(escape::is_hidden) {
        let most = most.to_string();
        let help = [
            "write 1 to ",
            &most,
            " bytes of visible text, like ",
            example,
        ]
        .concat();
        return Err(location.error(
            "the text is empty, too long, or has hidden characters",
            &help,
        ));
    }
    Ok(Some(text))
}

/// Validates every element of a list at its own location.
pub(super) fn each<T, U>(
    list: Vec<T>,
    location: &Location,
    check: impl Fn(T, &Location) -> Result<U, PolicyError>,
) -> Result<Vec<U>, PolicyError> {
    // Collecting an iterator of results takes more of the module, for each of the types.
    let mut checked = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        checked.push(check(value, &location.element(index))?);
    }
    Ok(checked)
}

/// A name that is given and well-formed: it is part of metrics, logs and challenges.
pub(super) fn name(value: Option<String>, location: &Location) -> Result<String, PolicyError> {
    let value = required(value, location, "name", "give it a unique name")?;
    is_name(&value, &location.member("name"))?;
    Ok(value)
}

/// Refuses an invalid name.
pub(super) fn is_name(value: &str, location: &Location) -> Result<(), PolicyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if value.is_empty() || value.len() > 63 || !value.bytes().all(plain) {
        return Err(location.error_about(
            value,
            "is not a valid name",
            "write 1 to 63 lower-case letters, digits and `-`",
        ));
    }
    Ok(())
}

/// Whether a text can be the name of a namespace or a service account.
pub(super) fn is_kubernetes_name(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    !text.is_empty() && text.bytes().all(plain)
}

/// Refuses a name that is among `others`.
pub(super) fn unique<'a>(
    name: &str,
    mut others: impl Iterator<Item = &'a str>,
    location: &Location,
) -> Result<(), PolicyError> {
    if others.any(|other| other == name) {
        let location = location.member("name");
        return Err(location.error(&duplicate(name), "give each a unique name"));
    }
    Ok(())
}

/// The problem with a name that another element of the list has.
pub(super) fn duplicate(name: &str) -> String {
    ["duplicate name `", name, "`"].concat()
}

/// A duration within bounds, or the default.
pub(super) fn duration(
    value: Option<String>,
    location: &Location,
    default: Duration,
    (least, most): (Duration, Duration),
    bounds: &str,
) -> Result<Duration, PolicyError> {
    let Some(text) = value else {
        return Ok(default);
    };
    let Some(span) = duration::parse(&text) else {
        let help = "write a whole number followed by s, m or h, like `30s`, `5m` or `24h`";
        return Err(location.error_about(&text, "is not a duration", help));
    };
    if span < least || span > most {
        let help = ["write ", bounds].concat();
        return Err(location.error_about(&text, "is out of range", &help));
    }
    Ok(span)
}
