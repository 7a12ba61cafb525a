use super::*;

fn diagnostic(text: &str) -> (Option<&str>, String) {
    let diagnostic = read(text).expect_err(text);
    let location = diagnostic
        .span
        .map(|span| &text[span.start.min(text.len())..span.end.min(text.len())]);
    (location, diagnostic.problem)
}

fn json(text: &str) -> String {
    read(text)
        .unwrap_or_else(|diagnostic| panic!("{text}: {diagnostic:?}"))
        .to_string()
}

#[test]
fn every_value_has_its_location_with_any_line_ending() {
    for text in [
        "# é\na: \"é x\"\nb:\n  - c: plain words\n",
        "# é\r\na: \"é x\"\r\nb:\r\n  - c: plain words\r\n",
        "# e\r\na: \"é x\"\r\nb:\r\n  - c: plain words",
        "# e\na: \"é x\"\nb:\n  - {c: plain words}",
    ] {
        let root = read(text).unwrap();
        for (path, location) in [
            ("a", "\"é x\""),
            ("b", "b"),
            ("b[0]", "c"),
            ("b[0].c", "plain words"),
        ] {
            let span = root.locate(path, "is wrong").unwrap();
            assert_eq!(&text[span], location, "{path} in {text:?}");
        }
    }
}

#[test]
fn all_styles_of_strings_are_strings() {
    let text = "a: 'it''s'\nb: \"on\\n\"\nc: |\n  two\n  lines\nd: >-\n  one\n  line\ne: plain # not this\nf: '5'\n";
    assert_eq!(
        json(text),
        r#"{"a":"it's","b":"on\n","c":"two\nlines\n","d":"one line","e":"plain","f":"5"}"#
    );
}

#[test]
fn j08_duplicate_names_are_refused() {
    let (location, problem) = diagnostic("a: 1\nb: 2\n'a': 3\n");
    assert_eq!(location, Some("'a'"));
    assert_eq!(problem, "duplicate name `a`, first on line 1");
}

#[test]
fn anchors_aliases_and_tags_are_refused() {
    for (text, location, problem) in [
        ("a: &x [1]\nb: 2", "&x [", "anchors are not supported"),
        ("a: &x 1\nb: *x", "&x 1", "anchors are not supported"),
        ("&x a: 1", "&x a", "anchors are not supported"),
        ("a: !!str 012", "!!str 012", "tags are not supported"),
        ("a: !secret b", "!secret b", "tags are not supported"),
        ("a: !t {b: 1}", "!t {", "tags are not supported"),
        ("<<: {a: 1}", "<<", "merge keys are not supported"),
        (
            "? [a, b]\n: 1",
            "[",
            "expected a name, found a list or a mapping",
        ),
        (
            "{{a: 1}: 2}",
            "{",
            "expected a name, found a list or a mapping",
        ),
    ] {
        let output = diagnostic(text);
        assert_eq!(output.1, problem, "{text}");
        assert!(
            output.0.is_some_and(|output| output.starts_with(location)),
            "{text}: {output:?}"
        );
    }
    assert!(diagnostic("a: *x").1.starts_with("invalid YAML: "));
    assert_eq!(json("'<<': 1"), r#"{"<<":1}"#);
}

#[test]
fn more_than_one_document_is_refused() {
    assert_eq!(diagnostic("a: 1\n---\nb: 2\n").1, "more than one document");
    assert_eq!(json("%YAML 1.2\n---\na: 1\n...\n"), r#"{"a":1}"#);
}

#[test]
fn invalid_yaml_is_an_error_with_a_location() {
    for text in [
        "a:\n\t- b",
        "a: [1",
        "a: 'b",
        "a: b: c",
        "a: \"\\q\"",
        "a: @b",
        "a:\n - b\n c",
        "a: 1\n  b: 2",
    ] {
        let output = diagnostic(text).1;
        assert!(output.starts_with("invalid YAML: "), "{text}: {output}");
    }
}

#[test]
fn depth_is_bounded() {
    assert_eq!(
        diagnostic(&"- ".repeat(MAX_DEPTH + 2)).1,
        "nested too deeply"
    );
    assert!(read(&"[".repeat(100_000)).is_err());
}
