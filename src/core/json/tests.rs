use wasm_bindgen_test::wasm_bindgen_test;

use super::*;

fn parse(text: &str) -> Result<Json, JsonError> {
    Json::parse(text.as_bytes())
}

#[test]
fn a_document_is_read_with_its_members_in_order() {
    let json = parse(r#" {"b":[1,-2,1.5,true,false,null],"a":{"x":"\u00e9\n"}} "#).unwrap();
    let names: Vec<&str> = json
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!(names, ["b", "a"]);
    let list = json.member("b").unwrap().as_array().unwrap();
    assert_eq!(list[0], Json::Number(1.into()));
    assert_eq!(list[1], Json::Number((-2).into()));
    assert_eq!(
        (list[3].as_bool(), list[4].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(list[5], Json::Null);
    let text = json
        .member("a")
        .and_then(|a| a.member("x"))
        .and_then(Json::as_str);
    assert_eq!(text, Some("é\n"));
}

#[test]
fn an_accessor_returns_none_for_another_type() {
    let json = parse(r#"{"a":1}"#).unwrap();
    assert_eq!(json.as_str(), None);
    assert_eq!(json.as_array(), None);
    assert_eq!(json.as_bool(), None);
    assert_eq!(json.member("b"), None);
    assert_eq!(json.member("a").unwrap().member("a"), None);
    assert_eq!(json.member("a").unwrap().as_object(), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn j08_duplicate_members_are_refused_at_any_depth_and_after_unescaping() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"aud":1,"\u0061ud":2}"#,
        r#"{"":1,"":2}"#,
        r#"[[{"x":{"a":1,"a":1}}]]"#,
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse(r#"{"a":1,"A":2,"a ":3,"b":{"a":4}}"#).is_ok());
}

#[test]
fn j08_a_duplicate_name_is_found_among_few_members_and_among_many() {
    for count in [2, 3, 15, 16, 17, 18, 40] {
        let name = |place: usize| format!("n{place}");
        let text = |names: &[String]| {
            let members: Vec<String> = names.iter().map(|name| format!("\"{name}\": 0")).collect();
            format!("{{{}}}", members.join(", "))
        };
        let mut names: Vec<String> = (0..count).map(name).collect();
        assert!(parse(&text(&names)).is_ok(), "{count}");
        for (first, second) in [(0, count - 1), (0, 1), (count - 2, count - 1)] {
            let own = std::mem::replace(&mut names[second], name(first));
            let error = parse(&text(&names)).unwrap_err();
            assert_eq!(error.kind(), JsonErrorKind::Duplicate, "{count}");
            assert_eq!(error.path(), name(first), "{count}");
            names[second] = own;
        }
    }
}

#[test]
fn j08_comparing_many_members_is_fast() {
    let members: Vec<String> = (0..16_000).map(|at| format!(r#""m{at}":0"#)).collect();
    assert!(parse(&format!("{{{}}}", members.join(","))).is_ok());
    assert!(parse(&format!(r#"{{{},"m7":0}}"#, members.join(","))).is_err());
}

#[wasm_bindgen_test(unsupported = test)]
fn j03_depth_is_bounded() {
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(&nested(16)).is_ok());
    for depth in [17, 128, 100_000] {
        assert!(parse(&nested(depth)).is_err(), "{depth}");
        assert!(parse(&"{\"a\":".repeat(depth)).is_err(), "{depth}");
    }
}

#[test]
fn j03_the_number_of_values_is_bounded() {
    let list = |values: usize| format!("[{}]", vec!["0"; values].join(","));
    assert!(parse(&list(MAX_VALUES - 1)).is_ok());
    assert!(parse(&list(MAX_VALUES)).is_err());
}

#[wasm_bindgen_test(unsupported = test)]
fn j22_anything_but_one_json_document_in_utf_8_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "{}}",
        "{} {}",
        "\u{feff}{}",
        "'a'",
        "{a:1}",
        "[1,]",
        "NaN",
        "Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "1e999",
        "-1e999",
        "\"\\ud800\"",
        "\"\\udead\\ud83d\"",
        "\"\t\"",
        "\"\\x\"",
        "// a\n1",
        "tru",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\xff\xfe1\0",
    ] {
        assert!(Json::parse(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn j23_an_error_names_the_location_and_not_the_text() {
    let error = parse("{\n  \"secret\": \"s3cret\",\n  \"secret\": 1}").unwrap_err();
    assert_eq!(error.to_string(), "duplicate name at line 3 column 14");
    for (bytes, place) in [
        (&b"{\n  \"secret\": \"s3\xffcret\"}"[..], "line 2 column 16"),
        (b"\xff", "line 1 column 1"),
        (b"{}\n\n\xc3", "line 3 column 1"),
    ] {
        let error = Json::parse(bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("not JSON at {place}"));
    }
}
