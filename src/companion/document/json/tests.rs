use super::*;

fn diagnostic(text: &str) -> (String, String) {
    let diagnostic = read(text).expect_err("bad JSON");
    let location = diagnostic
        .span
        .map(|span| format!("{}..{}", span.start, span.end));
    (location.unwrap_or_default(), diagnostic.problem)
}

#[test]
fn every_value_has_its_location() {
    let text = "{\n  \"é\" : [ 1 , \"x\" ]\n}";
    let root = read(text).unwrap();
    assert_eq!(&text[root.span], text);
    let Value::Map(members) = root.value else {
        panic!("no map");
    };
    let (name, list) = &members[0];
    assert_eq!((&text[name.span.clone()], &*name.text), ("\"é\"", "é"));
    assert_eq!(&text[list.span.clone()], "[ 1 , \"x\" ]");
    let Value::List(elements) = &list.value else {
        panic!("no list");
    };
    let texts: Vec<&str> = elements
        .iter()
        .map(|node| &text[node.span.clone()])
        .collect();
    assert_eq!(texts, ["1", "\"x\""]);
}

#[test]
fn j08_duplicate_names_are_refused_in_any_escaping() {
    let (location, problem) = diagnostic("{\"user\": 1,\n\"us\\u0065r\": 2}");
    assert_eq!(location, "12..23");
    assert_eq!(problem, "duplicate name `user`, first on line 1");
    assert!(
        diagnostic("[{\"a\": {\"b\": 1, \"b\": 1}}]")
            .1
            .contains("duplicate name")
    );
}

#[test]
fn invalid_json_is_an_error_with_a_location() {
    for (text, location, problem) in [
        ("{\"a\": b}", "6..7", "invalid JSON: expected value"),
        (
            "{\"a\": 1} {}",
            "9..10",
            "invalid JSON: trailing characters",
        ),
        ("{\n\"a\": 012}", "8..9", "invalid JSON: "),
        ("{\n\"a\": NaN}", "7..8", "invalid JSON: expected value"),
        ("{\"a\": [\"\\ud800\"]}", "", "invalid JSON: "),
        ("{1: 2}", "1..2", "invalid JSON: key must be a string"),
        ("{\"a\": 1,}", "8..9", "invalid JSON: key must be a string"),
        ("{\"a\": \"b", "", "invalid JSON: EOF"),
        ("// a comment\n{}", "0..1", "invalid JSON: expected value"),
        ("{\"a\": 1e999}", "6..11", "number too large"),
    ] {
        let output = diagnostic(text);
        assert!(output.1.starts_with(problem), "{text}: {output:?}");
        assert!(
            location.is_empty() || output.0 == location,
            "{text}: {output:?}"
        );
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(diagnostic(&nested(MAX_DEPTH + 1)).1, "nested too deeply");
    assert_eq!(diagnostic(&nested(200_000)).1, "nested too deeply");
}
