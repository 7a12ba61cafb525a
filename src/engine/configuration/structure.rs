//! Converts a `google.protobuf.Struct` in wire format to JSON.
//!
//! ```protobuf
//! message Struct    { map<string, Value> fields = 1; }
//! message ListValue { repeated Value values = 1; }
//! message Value     { oneof kind {
//!   NullValue null_value = 1;  double number_value = 2;     string string_value = 3;
//!   bool bool_value = 4;       Struct struct_value = 5;     ListValue list_value = 6;
//! } }
//! ```
//! A map entry is a message with the key as field 1 and the value as field 2. In protobuf the last
//! duplicate wins silently; here a duplicate is an error.

use std::collections::BTreeMap;

use portcullis_core::json::FIRST_INEXACT_INTEGER;
use serde_json::Number;

use super::error::{ConfigurationError, Problem};
use crate::protobuf::{Content, Field, Fields};

/// The maximum nesting depth of lists and objects, including the document.
pub(super) const MAX_DEPTH: usize = 32;

/// The first byte of a non-empty Struct in wire format.
pub(super) const ENTRY_TAG: u8 = 0x0a;

/// The tag of the value in each entry.
pub(super) const VALUE_TAG: u8 = 0x12;

/// The JSON text of a Struct. The code of `serde_json::Value` would take 6 KB of the filter's module.
pub(super) fn to_json(bytes: &[u8]) -> Result<String, ConfigurationError> {
    object(bytes, 0, 1)
}

fn object(bytes: &[u8], offset: usize, depth: usize) -> Result<String, ConfigurationError> {
    check_depth(offset, depth)?;
    // The index of each member by its name, because a map of other types would add its code.
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    let mut members: Vec<String> = Vec::new();
    for field in Fields::new(bytes, offset) {
        let field = field?;
        let Field {
            number: 1,
            content: Content::Bytes(entry),
            ..
        } = field
        else {
            return Err(not_a_structure(
                "an object has a field that is not an entry",
                field.offset,
            ));
        };
        let (key, value) = entry_of(entry, field.offset, depth)?;
        if order.contains_key(key) {
            let problem = Problem::DuplicateKey(key.to_owned());
            return Err(ConfigurationError::new(problem, field.offset));
        }
        order.insert(key.to_owned(), members.len());
        members.push([&*quoted(key), ":", &value].concat());
    }
    let members = order.values().filter_map(|index| members.get(*index));
    Ok(joined(members, ["{", "}"]))
}

/// Texts between these two, separated by commas.
fn joined<'a>(texts: impl Iterator<Item = &'a String>, [begin, end]: [&str; 2]) -> String {
    let mut joined = begin.to_owned();
    for text in texts {
        if joined.len() > begin.len() {
            joined.push(',');
        }
        joined.push_str(text);
    }
    joined.push_str(end);
    joined
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    // Serializing a string can't fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// The key and the value's text.
fn entry_of(
    bytes: &[u8],
    offset: usize,
    depth: usize,
) -> Result<(&str, String), ConfigurationError> {
    let (mut key, mut found) = (None, None);
    for field in Fields::new(bytes, offset) {
        let field = field?;
        match (field.number, field.content) {
            (1, Content::Bytes(bytes)) if key.is_none() => key = Some(text(bytes, field.offset)?),
            (2, Content::Bytes(bytes)) if found.is_none() => found = Some((bytes, field.offset)),
            _ => {
                let why = "an entry must have one key and one value";
                return Err(not_a_structure(why, field.offset));
            }
        }
    }
    let key = key.ok_or_else(|| not_a_structure("an entry has no key", offset))?;
    let (bytes, place) =
        found.ok_or_else(|| not_a_structure("an entry has no value", offset).under_key(key))?;
    let value = value(bytes, place, depth).map_err(|error| error.under_key(key))?;
    Ok((key, value))
}

fn list(bytes: &[u8], offset: usize, depth: usize) -> Result<String, ConfigurationError> {
    check_depth(offset, depth)?;
    let mut values = Vec::new();
    for (index, field) in Fields::new(bytes, offset).enumerate() {
        let field = field?;
        let Field {
            number: 1,
            content: Content::Bytes(bytes),
            ..
        } = field
        else {
            return Err(not_a_structure(
                "a list has a field that is not a value",
                field.offset,
            ));
        };
        let value = value(bytes, field.offset, depth);
        values.push(value.map_err(|error| error.at_index(index))?);
    }
    Ok(joined(values.iter(), ["[", "]"]))
}

/// A value in an object or a list at that depth.
fn value(bytes: &[u8], offset: usize, depth: usize) -> Result<String, ConfigurationError> {
    let mut fields = Fields::new(bytes, offset);
    let field = fields
        .next()
        .ok_or_else(|| not_a_structure("a value has no kind", offset))??;
    if let Some(second) = fields.next() {
        return Err(not_a_structure("a value has two kinds", second?.offset));
    }
    let inner = depth.saturating_add(1);
    match (field.number, field.content) {
        (1, Content::Varint(0)) => Ok("null".to_owned()),
        (2, Content::Fixed64(bytes)) => number(f64::from_le_bytes(bytes), field.offset),
        (3, Content::Bytes(bytes)) => text(bytes, field.offset).map(quoted),
        (4, Content::Varint(0)) => Ok("false".to_owned()),
        (4, Content::Varint(1)) => Ok("true".to_owned()),
        (5, Content::Bytes(bytes)) => object(bytes, field.offset, inner),
        (6, Content::Bytes(bytes)) => list(bytes, field.offset, inner),
        _ => Err(not_a_structure("a value has an unknown kind", field.offset)),
    }
}

/// A double as JSON; a whole number as an integer if doubles of its size are exact.
fn number(number: f64, offset: usize) -> Result<String, ConfigurationError> {
    if number.trunc() == number && number.is_finite() {
        // With others, a rule could match a neighbour.
        return if number.abs() < FIRST_INEXACT_INTEGER {
            Ok((number as i64).to_string())
        } else {
            Err(ConfigurationError::new(Problem::NotExact, offset))
        };
    }
    Number::from_f64(number)
        .map(|number| number.to_string())
        .ok_or_else(|| ConfigurationError::new(Problem::NotFinite, offset))
}

fn text(bytes: &[u8], offset: usize) -> Result<&str, ConfigurationError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let place = offset.saturating_add(error.valid_up_to());
        ConfigurationError::new(Problem::NotUtf8, place)
    })
}

fn check_depth(offset: usize, depth: usize) -> Result<(), ConfigurationError> {
    if depth > MAX_DEPTH {
        return Err(ConfigurationError::new(Problem::TooDeep, offset));
    }
    Ok(())
}

fn not_a_structure(why: &'static str, offset: usize) -> ConfigurationError {
    ConfigurationError::new(Problem::NotAStructure(why), offset)
}
