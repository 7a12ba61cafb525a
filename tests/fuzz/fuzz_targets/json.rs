//! The strict JSON parser, compared with `serde_json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::json::{Json, JsonErrorKind};
use serde_json::Value;

/// The same value in the types of `serde_json`.
fn plain(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Number(number.clone()),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(elements) => elements.iter().map(plain).collect(),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)));
            Value::Object(members.collect())
        }
    }
}

fn members(json: &Json) -> usize {
    match json {
        Json::Array(elements) => elements.iter().map(members).sum(),
        Json::Object(list) => {
            list.len() + list.iter().map(|(_, value)| members(value)).sum::<usize>()
        }
        _ => 0,
    }
}

fn members_of(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(members_of).sum(),
        Value::Object(map) => map.len() + map.values().map(members_of).sum::<usize>(),
        _ => 0,
    }
}

fuzz_target!(|data: &[u8]| {
    let lenient = serde_json::from_slice::<Value>(data);
    match (Json::parse(data), lenient) {
        (Ok(strict), Ok(lenient)) => {
            let plain = plain(&strict);
            assert_eq!(plain, lenient);
            // A map keeps one of several members of the same name.
            assert_eq!(members(&strict), members_of(&plain), "a duplicate name");
        }
        (Ok(_), Err(error)) => panic!("accepted: {error}"),
        (Err(error), Ok(_)) => {
            assert_ne!(error.kind(), JsonErrorKind::Syntax, "{error}");
        }
        (Err(error), Err(_)) => {
            assert!(error.to_string().contains(" at line "), "{error}");
        }
    }
});
