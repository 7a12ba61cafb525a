use crate::document::Document;

/// The places in the file of two values in a text under `data.policy`.
fn places(file: &str) -> (String, String) {
    let (documents, error) = Document::parse_all("f.yaml", file.into());
    assert_eq!(error, None, "{file}");
    let document = documents.into_iter().next().expect("a document");
    let node = document.root().at("data.policy").expect("a text").clone();
    let root = document.embedded(&node, "policy.yaml");
    let root = root.unwrap_or_else(|report| panic!("{report}"));
    let place = |path| {
        let span = root.locate(path, "is wrong").expect("a place");
        file[span].to_owned()
    };
    (place("é.a"), place("list[1]"))
}

#[test]
fn values_in_a_literal_block_scalar_have_their_places_in_the_file() {
    for file in [
        "data:\n  policy: |\n    é: {a: one}\n\n    list:\n    - x\n    - two\n",
        "data:\n  policy: |-\n    # é\n    é:\n      a: one\n    list: [x, two]",
        "data:\n  policy: |2\n      \n    é: {a: one}\n    list: [x, two]\n",
        "é: é\ndata:\n  other: 1\n  policy: |\n\n\n       é: {a: one}\n       list: [x, two]\n\n\n",
        "data:\r\n  policy: |\r\n    é: {a: one}\r\n    list: [x, two]\r\n",
        "data:\n  policy: | # a comment\n    {\"é\": {\"a\": one}, list: [x, two]}\n",
    ] {
        assert_eq!(
            places(file),
            ("one".to_owned(), "two".to_owned()),
            "{file:?}"
        );
    }
}

#[test]
fn values_in_other_strings_have_the_place_of_the_string() {
    for (file, text) in [
        (
            "data:\n  policy: '{\"é\": {a: one}, list: [x, two]}'\n",
            "'{\"é\": {a: one}, list: [x, two]}'",
        ),
        (
            "data: {policy: \"é: {a: one}\\nlist: [x, two]\"}",
            "\"é: {a: one}\\nlist: [x, two]\"",
        ),
    ] {
        assert_eq!(places(file), (text.to_owned(), text.to_owned()), "{file:?}");
    }
}

#[test]
fn a_syntax_error_in_a_text_has_its_place() {
    for (file, place, problem) in [
        ("a: |\n  b: 1\n  c: [\n", 3, "invalid YAML: "),
        (
            "a: \"b: 1\\nb: 2\"\n",
            1,
            "line 2 of this text: duplicate name `b`",
        ),
    ] {
        let (documents, _) = Document::parse_all("f.yaml", file.into());
        let document = documents.into_iter().next().expect("a document");
        let node = document.root().at("a").expect("a text");
        let report = document.embedded(node, "p.yaml").expect_err(file);
        assert!(report.problem().starts_with(problem), "{report}");
        let (line, _) = report.line_and_column().expect("a place");
        assert!(line >= place, "{report}");
    }
    let (documents, _) = Document::parse_all("f.yaml", b"a: [1]".to_vec());
    let document = &documents[0];
    let list = document.root().at("a").expect("a list");
    assert!(document.embedded(list, "p.yaml").is_err());
}
