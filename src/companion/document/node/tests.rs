use crate::document::json;

use super::*;

fn found<'a>(text: &'a str, path: &str, problem: &str) -> Option<&'a str> {
    let root = json::read(text).unwrap();
    root.locate(path, problem).map(|span| &text[span])
}

#[test]
fn paths_have_locations() {
    let text = r#"{"a": [{"b": "value", "c.d": 7, "c": {"d": 8}}]}"#;
    for (path, problem, location) in [
        ("a[0].b", "is wrong", Some("\"value\"")),
        ("a[0].b", "unknown field `b`", Some("\"b\"")),
        ("a[0]", "is wrong", Some("\"b\"")),
        ("a", "is wrong", Some("\"a\"")),
        // The longest name is meant.
        ("a[0].c.d", "is wrong", Some("7")),
        ("a[0].c", "is wrong", Some("\"c\"")),
        // A missing value is reported at its parent.
        ("a[0].b.x", "is missing", Some("\"value\"")),
        ("a[7]", "is missing", Some("\"a\"")),
        ("a[0].x", "is missing", Some("\"b\"")),
        ("x", "is missing", None),
        (".", "is wrong", None),
        ("", "is wrong", None),
        ("[", "is wrong", None),
    ] {
        assert_eq!(found(text, path, problem), location, "{path}");
    }
    assert_eq!(found(" 5", ".", "is wrong"), Some("5"));
    assert_eq!(found("{\"\": {\"\": 1}}", "..", "is wrong"), Some("1"));
}

#[test]
fn json_is_written_compact_and_escaped() {
    let text = " { \"a\\n\\u0001\" : [ ] , \"b\" : [ 1.50 , -0, { } , null , true, \"\\ud83d\\ude00\" ] } ";
    let json = json::read(text).unwrap().to_string();
    assert_eq!(json, r#"{"a\n\u0001":[],"b":[1.50,-0,{},null,true,"😀"]}"#);
}

#[test]
fn numbers_are_exact_or_refused() {
    let number = |text: &str| Value::number(text, &(0..text.len()));
    for good in [
        "0",
        "-7",
        "16384.0",
        "1e3",
        "18446744073709551615",
        "-9223372036854775808",
    ] {
        assert_eq!(number(good), Some(Ok(Value::Number(good.to_owned()))));
    }
    for huge in [
        "18446744073709551616",
        "-9223372036854775809",
        "1e999",
        "-1E+999",
    ] {
        let diagnostic = number(huge).expect("a number").expect_err("too large");
        assert_eq!(diagnostic.problem, "number too large", "{huge}");
    }
    for other in [
        "", "012", "+1", ".5", "1.", "0x1f", "1_000", "NaN", " 1", "1 ", "--1", "e", ".",
    ] {
        assert_eq!(number(other), None, "{other}");
    }
}
