use super::*;

fn diagnostic(text: &str) -> (String, String) {
    let diagnostic = read(text).expect_err("bad JSON");
    let place = diagnostic
        .span
        .map(|span| format!("{}..{}", span.start, span.end));
    (place.unwrap_or_default(), diagnostic.problem)
}

#[test]
fn everything_knows_its_place() {
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
    let places: Vec<&str> = elements
        .iter()
        .map(|node| &text[node.span.clone()])
        .collect();
    assert_eq!(places, ["1", "\"x\""]);
}

#[test]
fn j08_a_member_that_stands_twice_is_refused_however_it_is_spelt() {
    let (place, problem) = diagnostic("{\"user\": 1,\n\"us\\u0065r\": 2}");
    assert_eq!(place, "12..23");
    assert_eq!(problem, "`user` stands twice, first in line 1");
    assert!(
        diagnostic("[{\"a\": {\"b\": 1, \"b\": 1}}]")
            .1
            .contains("stands twice")
    );
}

#[test]
fn what_is_not_json_is_told_at_its_place() {
    for (text, place, problem) in [
        ("{\"a\": b}", "6..7", "not JSON: expected value"),
        ("{\"a\": 1} {}", "9..10", "not JSON: trailing characters"),
        ("{\n\"a\": 012}", "8..9", "not JSON: "),
        ("{\n\"a\": NaN}", "7..8", "not JSON: expected value"),
        ("{\"a\": [\"\\ud800\"]}", "", "not JSON: "),
        ("{1: 2}", "1..2", "not JSON: key must be a string"),
        ("{\"a\": 1,}", "8..9", "not JSON: key must be a string"),
        ("{\"a\": \"b", "", "not JSON: EOF"),
        ("// a comment\n{}", "0..1", "not JSON: expected value"),
        ("{\"a\": 1e999}", "6..11", "a number too large to be exact"),
    ] {
        let told = diagnostic(text);
        assert!(told.1.starts_with(problem), "{text}: {told:?}");
        assert!(place.is_empty() || told.0 == place, "{text}: {told:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(diagnostic(&nested(MAX_DEPTH + 1)).1, "nested too deeply");
    assert_eq!(diagnostic(&nested(200_000)).1, "nested too deeply");
}
