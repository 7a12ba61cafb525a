//! The few judgements that all parts share.

use std::time::Duration;

use crate::policy::duration;
use crate::policy::error::{Place, PolicyError};

/// A member that must be there.
pub(super) fn required<T>(
    value: Option<T>,
    place: &Place,
    name: &str,
    help: &str,
) -> Result<T, PolicyError> {
    value.ok_or_else(|| place.error(&["no `", name, "`"].concat(), help))
}

/// A list that, where it is there, must not be empty: an empty one looks like "nobody" and would
/// mean "everybody".
pub(super) fn filled<T>(list: Vec<T>, place: &Place, help: &str) -> Result<Vec<T>, PolicyError> {
    if list.is_empty() {
        return Err(place.error("an empty list", help));
    }
    Ok(list)
}

/// A list of strings, none of them empty.
pub(super) fn texts(list: Vec<String>, place: &Place) -> Result<Vec<String>, PolicyError> {
    each(list, place, text)
}

/// A string that is not empty and has no control characters, which no header or claim that is
/// accepted here can have.
pub(super) fn text(value: String, place: &Place) -> Result<String, PolicyError> {
    if value.is_empty() {
        return Err(place.error("an empty string", "write a value"));
    }
    if value.chars().any(char::is_control) {
        return Err(place.error("a control character", "remove it; no request could match"));
    }
    Ok(value)
}

/// Judges every element of a list at its own place.
pub(super) fn each<T, U>(
    list: Vec<T>,
    place: &Place,
    judge: impl Fn(T, &Place) -> Result<U, PolicyError>,
) -> Result<Vec<U>, PolicyError> {
    let numbered = list.into_iter().enumerate();
    numbered
        .map(|(index, value)| judge(value, &place.element(index)))
        .collect()
}

/// A name that is there and well-formed: it stands in metrics, logs and challenges.
pub(super) fn name(value: Option<String>, place: &Place) -> Result<String, PolicyError> {
    let value = required(value, place, "name", "give it a unique name")?;
    is_name(&value, &place.member("name"))?;
    Ok(value)
}

/// Refuses what is not a well-formed name.
pub(super) fn is_name(value: &str, place: &Place) -> Result<(), PolicyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if value.is_empty() || value.len() > 63 || !value.bytes().all(plain) {
        return Err(place.error_about(
            value,
            "is not a name",
            "write 1 to 63 lower-case letters, digits and `-`",
        ));
    }
    Ok(())
}

/// Refuses a name that one of `others` has.
pub(super) fn unique<'a>(
    name: &str,
    mut others: impl Iterator<Item = &'a str>,
    place: &Place,
) -> Result<(), PolicyError> {
    if others.any(|other| other == name) {
        let place = place.member("name");
        return Err(place.error(&duplicate(name), "give each a unique name"));
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
    place: &Place,
    default: Duration,
    (least, most): (Duration, Duration),
    bounds: &str,
) -> Result<Duration, PolicyError> {
    let Some(text) = value else {
        return Ok(default);
    };
    let Some(span) = duration::parse(&text) else {
        let help = "write a whole number and s, m or h, like `30s`, `5m` or `24h`";
        return Err(place.error_about(&text, "is not a duration", help));
    };
    if span < least || span > most {
        let help = ["write ", bounds].concat();
        return Err(place.error_about(&text, "is out of bounds", &help));
    }
    Ok(span)
}
