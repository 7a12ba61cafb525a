use crate::policy::tests::{WHOLE, error, with};

const ENTRY: &str = r#"{"service_account": "staging/monitoring/karma"}"#;

#[test]
fn an_unknown_member_beside_a_matcher_is_refused() {
    let text = with(ENTRY, r#"{"from": "gitlab", "group": "sre", "ns": "a"}"#);
    let error = error(&text);
    assert_eq!(error.path(), "apps[0].rules[0].allow[0].ns");
    assert_eq!(error.problem(), "unknown field `ns`");
    assert!(
        error
            .help()
            .starts_with("expected one of: from, service_account, user,"),
        "{error}"
    );
}

#[test]
fn the_help_for_a_typo_is_the_nearest_name() {
    for (piece, typo, path, help) in [
        (
            r#""trust": ["#,
            r#""trusts": ["#,
            "trusts",
            "did you mean `trust`?",
        ),
        (
            r#""methods""#,
            r#""method""#,
            "apps[0].rules[0].method",
            "did you mean `methods`?",
        ),
        (
            r#""hosts""#,
            r#""hsots""#,
            "apps[0].hsots",
            "did you mean `hosts`?",
        ),
        (
            r#""keys": {"envoy_cluster": "gitlab""#,
            r#""keys": {"envoy-cluster": "gitlab""#,
            "trust[1].keys.envoy-cluster",
            "did you mean `envoy_cluster`?",
        ),
        (
            r#""public""#,
            r#""PUBLIC""#,
            "apps[0].rules[1].PUBLIC",
            "expected one of: name, methods,",
        ),
    ] {
        let error = error(&with(piece, typo));
        assert_eq!(error.path(), path, "{error}");
        assert!(error.help().starts_with(help), "{error}");
    }
}

#[test]
fn the_help_for_a_wrong_type_is_the_right_one() {
    for (piece, other, path, problem, help) in [
        (
            r#"["GET"]"#,
            r#""GET""#,
            "apps[0].rules[0].methods",
            "the string \"GET\"",
            "a list",
        ),
        (
            r#"["GET"]"#,
            "[5]",
            "apps[0].rules[0].methods[0]",
            "the number 5",
            "a string",
        ),
        (
            "true",
            r#""yes""#,
            "apps[0].rules[1].public",
            "the string \"yes\"",
            "true or false",
        ),
        (
            ENTRY,
            r#""staging""#,
            "apps[0].rules[0].allow[0]",
            "the string",
            "a mapping",
        ),
        (
            r#""trust": ["#,
            r#""max_token": "8k", "trust": ["#,
            "max_token",
            "8k",
            "a number",
        ),
    ] {
        let error = error(&with(piece, other));
        assert_eq!(error.path(), path, "{error}");
        let expected = format!("expected {help}, found ");
        assert!(error.problem().starts_with(&expected), "{error}");
        assert!(error.problem().contains(problem), "{error}");
        assert!(
            error.help().starts_with(&format!("write {help}")),
            "{error}"
        );
    }
}

#[test]
fn null_is_not_the_same_as_an_absent_field() {
    let list = "expected a list, found null";
    for (piece, other, path, problem) in [
        (r#"["/api/v2/**"]"#, "null", "apps[0].rules[0].paths", list),
        (r#"["GET"]"#, "null", "apps[0].rules[0].methods", list),
        (
            r#"{"envoy_cluster": "gitlab"}"#,
            "null",
            "trust[1].keys",
            "expected a mapping, found null",
        ),
        (
            r#"["tools"]"#,
            "[null]",
            "trust[1].audiences[0]",
            "expected a string, found null",
        ),
        (
            "true",
            "null",
            "apps[0].rules[1].public",
            "expected true or false, found null",
        ),
    ] {
        let error = error(&with(piece, other));
        assert_eq!((error.path(), error.problem()), (path, problem));
    }
}

#[test]
fn a_list_is_not_accepted_for_a_mapping() {
    for (piece, other, path) in [
        (
            ENTRY,
            r#"["gitlab", "staging/monitoring/karma"]"#,
            "apps[0].rules[0].allow[0]",
        ),
        (
            r#"{"envoy_cluster": "gitlab"}"#,
            r#"["gitlab"]"#,
            "trust[1].keys",
        ),
        (WHOLE, "[]", "."),
    ] {
        let error = error(&with(piece, other));
        assert_eq!(
            (error.path(), error.problem()),
            (path, "expected a mapping, found a list")
        );
    }
}

#[test]
fn j08_duplicate_members_are_refused_at_any_depth() {
    for (piece, other, path) in [
        (r#""trust": ["#, r#""trust": [], "trust": ["#, "trust"),
        (
            r#""public": true"#,
            r#""public": true, "public": false"#,
            "apps[0].rules[1].public",
        ),
        (
            ENTRY,
            r#"{"from": "gitlab", "user": "a", "us\u0065r": "b"}"#,
            "apps[0].rules[0].allow[0].user",
        ),
    ] {
        let error = error(&with(piece, other));
        assert_eq!(error.path(), path, "{error}");
        assert!(error.problem().starts_with("duplicate name"), "{error}");
        assert_eq!(error.help(), "remove one of the two");
    }
    let inline = r#"{"inline": {"keys": [], "k\u0065ys": []}}"#;
    let error = error(&with(r#"{"envoy_cluster": "gitlab"}"#, inline));
    assert!(error.problem().starts_with("duplicate name"), "{error}");
    assert_eq!(error.path(), "trust[1].keys.inline.keys");
}

#[test]
fn an_error_in_json_has_line_and_column() {
    let error_of = |text: &str| error(text);
    let error = error_of(&with(r#""kind": "oidc","#, r#""kind": oidc,"#));
    assert_eq!(error.path(), "trust[1].kind");
    assert!(error.problem().contains("at line 5 column"), "{error}");
    assert!(error.help().contains("write one JSON object"), "{error}");
    for text in [
        "",
        "  ",
        "{",
        "\u{feff}{}",
        "trust: []",
        "{} {}",
        "{\"apps\": [}",
    ] {
        let error = error_of(text);
        assert!(error.problem().starts_with("not JSON: "), "{text}: {error}");
        assert!(
            !error.path().is_empty() && !error.help().is_empty(),
            "{text}: {error}"
        );
    }
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for text in [deep.clone(), with(ENTRY, &deep)] {
        error(&text);
    }
    let inline = format!(r#"{{"inline": {deep}}}"#);
    error(&with(r#"{"envoy_cluster": "gitlab"}"#, &inline));
}
