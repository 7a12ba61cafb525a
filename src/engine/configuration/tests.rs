use serde_json::{Value, json};

use super::*;
use crate::protobuf::put_bytes;

/// The wire bytes of a Struct, as protobuf writes them.
fn structure(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in value.as_object().unwrap() {
        put_bytes(&mut bytes, 1, &entry(key, &kind(value)));
    }
    bytes
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, key.as_bytes());
    put_bytes(&mut bytes, 2, value);
    bytes
}

fn kind(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    match value {
        Value::Null => bytes.extend([0x08, 0]),
        Value::Number(number) => bytes = double(number.as_f64().unwrap()),
        Value::String(text) => put_bytes(&mut bytes, 3, text.as_bytes()),
        Value::Bool(truth) => bytes.extend([0x20, u8::from(*truth)]),
        Value::Object(_) => put_bytes(&mut bytes, 5, &structure(value)),
        Value::Array(values) => {
            let mut list = Vec::new();
            for value in values {
                put_bytes(&mut list, 1, &kind(value));
            }
            put_bytes(&mut bytes, 6, &list);
        }
    }
    bytes
}

fn double(number: f64) -> Vec<u8> {
    [&[0x11][..], &number.to_le_bytes()].concat()
}

/// A Struct with the one entry `key`.
fn one(key: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, &entry(key, value));
    bytes
}

fn policy() -> Value {
    json!({
        "trust": [{"name": "staging", "issuer": "https://kubernetes.example.com", "audiences": ["a", "b"]}],
        "apps": [{"hosts": ["*.example.com"], "rules": [{"public": true, "paths": ["/-/healthy"]}]}],
        "sso": null,
        "max_token": 16384,
        "empty": {"object": {}, "list": []},
        "text": "\u{0}\"\\\u{1f}\u{20ac}\u{1f600}",
    })
}

fn problem(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn json_is_unchanged() {
    for text in ["{}", " \t\r\n{\"a\": 1}\n", "{ not checked here"] {
        assert_eq!(read(text.as_bytes()).unwrap(), text);
    }
}

#[test]
fn a_struct_becomes_the_same_json() {
    let text = read(&structure(&policy())).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), policy());
}

#[test]
fn the_order_of_entries_on_the_wire_does_not_matter() {
    let (a, b) = (one("a", &kind(&json!(1))), one("b", &kind(&json!(2))));
    let text = r#"{"a":1,"b":2}"#;
    assert_eq!(read(&[&a[..], &b].concat()).unwrap(), text);
    assert_eq!(read(&[&b[..], &a].concat()).unwrap(), text);
}

#[test]
fn a_value_may_come_before_its_key() {
    let mut reversed = Vec::new();
    put_bytes(&mut reversed, 2, &kind(&json!(true)));
    put_bytes(&mut reversed, 1, b"a");
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, &reversed);
    assert_eq!(read(&bytes).unwrap(), r#"{"a":true}"#);
}

#[test]
fn a_struct_of_any_length_is_not_mistaken_for_json() {
    for length in 0..400 {
        let document = json!({"key": "x".repeat(length)});
        let bytes = structure(&document);
        let text = read(&bytes).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
    let looks_like_json = structure(&json!({"key": "x".repeat(114)}));
    assert!(
        looks_like_json.starts_with(b"\n{"),
        "the case that this test is about"
    );
}

#[test]
fn json_after_a_line_feed_is_not_mistaken_for_a_struct() {
    let text = "\n{\"a\": \"\\u0012\"}";
    assert_eq!(read(text.as_bytes()).unwrap(), text);
}

#[test]
fn whole_numbers_become_integers() {
    let cases = [
        (0.0, "0"),
        (-0.0, "0"),
        (16384.0, "16384"),
        (-3.0, "-3"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (0.5, "0.5"),
        (1e-300, "1e-300"),
    ];
    for (number, text) in cases {
        assert_eq!(
            read(&one("n", &double(number))).unwrap(),
            format!("{{\"n\":{text}}}")
        );
    }
}

/// Envoy has read `9007199254740993` as the double of its neighbour.
#[test]
fn whole_numbers_that_may_not_be_exact_are_refused() {
    for number in [
        9_007_199_254_740_992.0,
        -9_007_199_254_740_992.0,
        1.2e17,
        1e300,
    ] {
        let problem = problem(&one("n", &double(number)));
        let expected = "n, byte 8: the number is too large to be exact";
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let problem = problem(&one("n", &double(number)));
        assert!(
            problem.starts_with("n, byte 8: the number is not finite"),
            "{problem}"
        );
    }
}

#[test]
fn an_empty_configuration_is_refused_with_help() {
    for empty in [&b""[..], b"  \n"] {
        let problem = problem(empty);
        assert!(
            problem.contains("the configuration is missing or empty"),
            "{problem}"
        );
        assert!(
            problem.contains("portcullis check --json FILE"),
            "{problem}"
        );
    }
}

#[test]
fn yaml_text_is_refused() {
    let problem = problem(b" trust:\n  - name: staging\n");
    assert!(
        problem.contains("byte 1: the configuration starts with 't'"),
        "{problem}"
    );
    assert!(problem.contains("google.protobuf.Struct"), "{problem}");
}

#[test]
fn invalid_utf8_is_reported_with_its_offset() {
    assert!(problem(b"{\"a\": \"\xff\"}").contains("byte 7: not UTF-8"));

    let mut text = Vec::new();
    put_bytes(&mut text, 3, b"ab\x80");
    let of_value = problem(&one("a", &text));
    assert!(of_value.starts_with("a, byte 11: not UTF-8"), "{of_value}");

    let mut entry = Vec::new();
    put_bytes(&mut entry, 1, b"\xc0");
    put_bytes(&mut entry, 2, &kind(&json!(1)));
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, &entry);
    assert!(problem(&bytes).contains("byte 4: not UTF-8"));
}

#[test]
fn duplicate_keys_are_refused() {
    let twice = [one("apps", &kind(&json!(1))), one("apps", &kind(&json!(2)))].concat();
    assert!(problem(&twice).contains(r#"duplicate key "apps""#));

    let inner = [one("b", &kind(&json!(1))), one("b", &kind(&json!(1)))].concat();
    let mut value = Vec::new();
    put_bytes(&mut value, 5, &inner);
    let problem = problem(&one("a", &value));
    assert!(problem.starts_with("a, byte"), "{problem}");
}

#[test]
fn errors_name_the_path_in_the_document() {
    let mut rule = Vec::new();
    put_bytes(&mut rule, 5, &one("max", &double(f64::NAN)));
    let mut list = Vec::new();
    put_bytes(&mut list, 1, &kind(&json!("fine")));
    put_bytes(&mut list, 1, &rule);
    let mut apps = Vec::new();
    put_bytes(&mut apps, 6, &list);
    let problem = problem(&one("apps", &apps));
    assert!(problem.starts_with("apps[1].max, byte"), "{problem}");
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| {
        (1..levels).fold(json!({"x": 1}), |inner, level| {
            if level % 2 == 0 {
                json!({ "x": inner })
            } else {
                json!({ "x": [inner] })
            }
        })
    };
    let deep = |value: &Value| value.to_string().matches(['{', '[']).count();
    let fits = (1..)
        .map(nested)
        .take_while(|value| deep(value) <= 32)
        .last()
        .unwrap();
    assert_eq!(read(&structure(&fits)).unwrap(), fits.to_string());

    let problem = problem(&structure(&nested(40)));
    assert!(
        problem.contains("nested deeper than 32 levels"),
        "{problem}"
    );
}

#[test]
fn very_deep_nesting_is_refused() {
    let mut bytes = kind(&json!({}));
    while bytes.len() < 20_000 {
        let (mut list, mut value) = (Vec::new(), Vec::new());
        put_bytes(&mut list, 1, &bytes);
        put_bytes(&mut value, 6, &list);
        bytes = value;
    }
    assert!(problem(&one("x", &bytes)).contains("nested deeper"));
}

#[test]
fn size_is_limited() {
    let text = format!("{{{}}}", " ".repeat(MAX_BYTES - 2));
    assert!(read(text.as_bytes()).is_ok());
    let problem = problem(format!("{text} ").as_bytes());
    assert!(
        problem.contains("the configuration has 16777217 bytes, more than 16777216"),
        "{problem}"
    );
}

#[test]
fn truncations_of_a_struct_are_refused_except_between_entries() {
    let bytes = structure(&policy());
    let mut ends = vec![];
    for end in 0..bytes.len() {
        if let Ok(text) = read(&bytes[..end]) {
            assert!(serde_json::from_str::<Value>(&text).is_ok());
            ends.push(end);
        }
    }
    // Between two entries the bytes are a smaller Struct; nowhere else.
    assert_eq!(ends.len(), policy().as_object().unwrap().len() - 1);
}

#[test]
fn any_flipped_bit_gives_json_or_an_error_with_help() {
    let good = structure(&policy());
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[place] ^= 1 << bit;
            match read(&bytes) {
                Ok(text) if is_structure(&bytes) => {
                    assert!(serde_json::from_str::<Value>(&text).is_ok());
                }
                Ok(_) => assert!(bytes.trim_ascii_start().starts_with(b"{")),
                Err(error) => assert!(error.to_string().contains("; "), "{error}"),
            }
        }
    }
}

#[test]
fn unexpected_bytes_and_fields_are_refused() {
    let good = one("a", &kind(&json!(1)));
    let cases: [(&[u8], &str); 5] = [
        (b"junk", "the message ends too early"),
        (b"\x12\x00", "an object has a field that is not an entry"),
        (b"\x08\x01", "an object has a field that is not an entry"),
        (b"\x0a\x00", "an entry has no key"),
        (b"\x0b", "wire type 3 is not expected"),
    ];
    for (junk, expected) in cases {
        let problem = problem(&[&good, junk].concat());
        assert!(problem.contains(expected), "{problem}");
        assert!(
            problem.contains("portcullis check --json FILE"),
            "{problem}"
        );
    }
}

#[test]
fn values_without_exactly_one_known_kind_are_refused() {
    let cases: [(Vec<u8>, &str); 6] = [
        (vec![], "a value has no kind"),
        (
            [kind(&json!(true)), kind(&json!("x"))].concat(),
            "a value has two kinds",
        ),
        (
            [kind(&json!(true)), kind(&json!(false))].concat(),
            "a value has two kinds",
        ),
        (vec![0x38, 0], "a value has an unknown kind"),
        (vec![0x20, 2], "a value has an unknown kind"),
        (vec![0x08, 1], "a value has an unknown kind"),
    ];
    for (value, expected) in cases {
        let problem = problem(&one("a", &value));
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn an_entry_with_two_values_is_refused() {
    let mut entry = entry("a", &kind(&json!(true)));
    put_bytes(&mut entry, 2, &kind(&json!(false)));
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 1, &entry);
    assert!(problem(&bytes).contains("an entry must have one key and one value"));
}

/// A large document of each kind, with the error at its end.
#[test]
#[allow(clippy::disallowed_methods, reason = "the test measures time")]
fn the_work_is_linear_in_the_size() {
    let began = std::time::Instant::now();
    let entry = |index: usize| one(&format!("{index:06}"), &[]);
    let mut object: Vec<u8> = (0..60_000).flat_map(entry).collect();
    assert!(problem(&object).contains("a value has no kind"));
    let entry = |index: usize| one(&format!("{index:06}"), &kind(&json!(true)));
    object = (0..50_000).flat_map(entry).collect();
    object.extend(entry(49_999));
    assert!(problem(&object).contains("duplicate key \"049999\""));

    let mut list = Vec::new();
    for _ in 0..200_000 {
        put_bytes(&mut list, 1, &kind(&json!(true)));
    }
    put_bytes(&mut list, 1, &[]);
    let mut value = Vec::new();
    put_bytes(&mut value, 6, &list);
    let of_list = problem(&one("apps", &value));
    assert!(of_list.contains("apps[200000]"), "{of_list}");

    // Long keys at each level, which are all in the error.
    let mut value = double(f64::NAN);
    for _ in 0..30 {
        let mut outer = Vec::new();
        put_bytes(&mut outer, 5, &one(&"k".repeat(30_000), &value));
        value = outer;
    }
    assert!(problem(&one("apps", &value)).contains("the number is not finite"));
    let taken = began.elapsed();
    assert!(taken < std::time::Duration::from_secs(30), "{taken:?}");
}

/// Each level costs the decoder stack, and the innermost bytes are never reached.
#[test]
fn alternating_and_uniform_nesting_of_any_depth_is_refused() {
    for wrap in [
        |inner: &[u8]| {
            let mut value = Vec::new();
            put_bytes(&mut value, 5, &one("k", inner));
            value
        },
        |inner: &[u8]| {
            let (mut list, mut value) = (Vec::new(), Vec::new());
            put_bytes(&mut list, 1, inner);
            put_bytes(&mut value, 6, &list);
            value
        },
    ] {
        let mut value = kind(&json!(1));
        for _ in 0..2_000 {
            value = wrap(&value);
        }
        assert!(problem(&one("x", &value)).contains("nested deeper than 32 levels"));
    }
}
