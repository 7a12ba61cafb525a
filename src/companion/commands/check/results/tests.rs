use super::*;
use crate::document::Document;

#[test]
fn counts_are_singular_or_plural() {
    assert_eq!(count(0, "app", "apps"), "0 apps");
    assert_eq!(count(1, "app", "apps"), "1 app");
    assert_eq!(count(2, "app", "apps"), "2 apps");
}

#[test]
fn the_summary_says_how_many_callers_are_refused() {
    let policy = |members: &str| {
        let text = format!(
            r#"{{{members}"trust": [{{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
                "audiences": ["gate"], "keys": {{"envoy_cluster": "blue"}}}}],
              "apps": [{{"name": "one", "hosts": ["one.example.com"], "rules": [
                {{"name": "all", "allow": [{{"service_account": "blue/*/*"}}]}}]}}]}}"#
        );
        summary(&Policy::from_json(&text).unwrap())
    };
    assert_eq!(policy(""), "1 trust entry, 1 app, 1 rule");
    let refused = r#""refuse_callers": ["blue/a/b"], "#;
    assert_eq!(
        policy(refused),
        "1 trust entry, 1 app, 1 rule, 1 refused caller"
    );
}

#[test]
fn an_annotation_is_one_line_whatever_is_in_it() {
    let document = Document::parse("a,b:c%\n.yaml".to_owned(), b"a: {b: 1}\n".to_vec(), "");
    let report = document
        .unwrap()
        .report("a.b", "100%\nis\r too much", "write 1");
    assert_eq!(
        report.annotation("error"),
        "::error file=a%2Cb%3Ac%25%0A.yaml,line=1,col=8::a.b: 100%25\u{fffd}is\u{fffd} too much%0Ahelp: write 1"
    );
    let report = Report::of("a", "is wrong", "fix it");
    assert_eq!(
        report.annotation("warning"),
        "::warning file=a::is wrong%0Ahelp: fix it"
    );
}
