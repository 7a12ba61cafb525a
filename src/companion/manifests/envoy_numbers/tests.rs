use super::*;

fn warnings_of(yaml: &str) -> Vec<String> {
    let document = Document::parse("p.yaml".to_owned(), yaml.into(), "").unwrap();
    warnings(&document, document.root())
}

#[test]
fn numbers_that_envoy_turns_into_strings_are_named_with_their_line() {
    for number in [
        "2147483648",
        "-2147483649",
        "0.5",
        "1.0",
        "1e3",
        "4294967296",
    ] {
        let found = warnings_of(&format!("a: 1\nb:\n- c: {{d: {number}}}\n"));
        assert_eq!(found.len(), 1, "{number}");
        assert!(found[0].starts_with("line 3: "), "{found:?}");
        assert!(found[0].contains(&format!("`{number}`")), "{found:?}");
    }
    assert_eq!(warnings_of("[0.5, {a: [3000000000]}]").len(), 2);
}

#[test]
fn numbers_that_envoy_keeps_and_strings_cause_no_warning() {
    for value in [
        "0",
        "-1",
        "2147483647",
        "-2147483648",
        "'0.5'",
        "true",
        "null",
        "[1, {}]",
    ] {
        assert!(warnings_of(&format!("a: {value}")).is_empty(), "{value}");
    }
}
