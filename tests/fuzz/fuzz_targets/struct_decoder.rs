//! Plugin configurations. JSON text is also encoded as a `google.protobuf.Struct`, which must decode
//! to the same JSON; anything else is decoded as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_engine::configuration::read;
use serde_json::{Map, Value};

/// How deep a Struct may be nested.
const MAX_DEPTH: usize = 32;

fn varint(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn field(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    varint(out, content.len());
    out.extend_from_slice(content);
}

fn structure(object: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, member) in object {
        let mut entry = Vec::new();
        field(&mut entry, 0x0a, name.as_bytes());
        field(&mut entry, 0x12, &value(member));
        field(&mut out, 0x0a, &entry);
    }
    out
}

fn value(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Null => out.extend([0x08, 0]),
        Value::Bool(truth) => out.extend([0x20, u8::from(*truth)]),
        Value::Number(number) => {
            out.push(0x11);
            out.extend(number.as_f64().unwrap_or_default().to_le_bytes());
        }
        Value::String(text) => field(&mut out, 0x1a, text.as_bytes()),
        Value::Array(elements) => {
            let mut list = Vec::new();
            for element in elements {
                field(&mut list, 0x0a, &crate::value(element));
            }
            field(&mut out, 0x32, &list);
        }
        Value::Object(object) => field(&mut out, 0x2a, &structure(object)),
    }
    out
}

/// Equal, with all numbers as doubles, but for rounding.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64(), other.as_f64());
            let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
            // `serde_json` parses some numbers to a neighbor of the nearest double.
            one == other || ((one - other) / other).abs() < 1e-15
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// Whether doubles are exact for all whole numbers of this size. Others are refused.
fn is_exact(value: &Value) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    match value {
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|number| number.trunc() != number || number.abs() < EXACT),
        Value::Array(elements) => elements.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fuzz_target!(|data: &[u8]| {
    match read(data) {
        Ok(text) if text.as_bytes() == data => {}
        Ok(text) => {
            // A Struct: an object, with each name once.
            let value: Value = serde_json::from_str(&text).expect("JSON");
            let object = value.as_object().expect("an object");
            let again = read(&structure(object)).expect("a Struct");
            let again = serde_json::from_str(&again).expect("JSON");
            assert!(same(&again, &value), "the conversion is stable: {text}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(data) else {
        return;
    };
    let encoded = structure(&object);
    let whole = Value::Object(object.clone());
    let is_accepted = depth(&whole) <= MAX_DEPTH && is_exact(&whole);
    match read(&encoded) {
        Ok(text) => {
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert!(same(&value, &Value::Object(object)), "{text}");
        }
        Err(error) => assert!(object.is_empty() || !is_accepted, "{error}"),
    }
    // No byte that is changed or lost leads to a panic.
    for cut in [1, encoded.len() / 2, encoded.len().saturating_sub(1)] {
        let _ = read(encoded.get(cut..).unwrap_or_default());
        let _ = read(encoded.get(..cut).unwrap_or_default());
    }
});
