use super::*;
use crate::document::Document;

#[test]
fn counts_are_singular_or_plural() {
    assert_eq!(count(0, "app", "apps"), "0 apps");
    assert_eq!(count(1, "app", "apps"), "1 app");
    assert_eq!(count(2, "app", "apps"), "2 apps");
}

#[test]
fn an_annotation_is_one_line_whatever_is_in_it() {
    let document = Document::parse("a,b:c%\n.yaml".to_owned(), b"a: {b: 1}\n".to_vec(), "");
    let report = document
        .unwrap()
        .report("a.b", "100%\nis\r too much", "write 1");
    assert_eq!(
        annotation("error", &report),
        "::error file=a%2Cb%3Ac%25%0A.yaml,line=1,col=8::a.b: 100%25\u{fffd}is\u{fffd} too much%0Ahelp: write 1"
    );
    let report = Report::of("a", "is wrong", "fix it");
    assert_eq!(
        annotation("warning", &report),
        "::warning file=a::is wrong%0Ahelp: fix it"
    );
}
