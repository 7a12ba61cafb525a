use crate::decision::Decision;
use crate::json::Json;
use crate::reason::Reason;
use crate::request::{Ambiguity, Headers};

fn record(decision: &Decision<'_>, path: &[u8]) -> (String, Json) {
    let fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":authority", b"app.example.com"),
        (b":path", path),
        (b"authorization", b"Bearer eyJhbGciOi"),
    ];
    let line = decision.audit_record(&Headers::new(fields));
    let json = Json::parse(line.as_bytes()).unwrap();
    (line, json)
}

#[test]
fn a_record_is_one_line_with_the_request_and_the_decision() {
    let (line, json) = record(&Decision::new(Reason::AppUnknown), b"/api?token=s3cret");
    let text = |name| json.member(name).and_then(Json::as_str);
    assert_eq!(text("audit"), Some("portcullis.decision.v1"));
    assert_eq!(text("decision"), Some("refused"));
    assert_eq!(text("reason"), Some("app-unknown"));
    assert_eq!(text("method"), Some("GET"));
    assert_eq!(text("host"), Some("app.example.com"));
    assert_eq!(text("path"), Some("/api"));
    assert_eq!(json.member("caller"), None);
    assert!(!line.contains('\n') && !line.contains("s3cret") && !line.contains("eyJ"));
}

#[test]
fn t16_texts_of_the_client_are_bounded_and_escaped() {
    let decision = Decision {
        ambiguity: Some(Ambiguity::PathByte),
        ..Decision::new(Reason::RequestAmbiguous)
    };
    let (line, json) = record(&decision, b"/a\n\x1b[31m\"\xff#");
    assert!(!line.contains('\n') && !line.contains('\x1b'));
    let path = json.member("path").and_then(Json::as_str);
    assert_eq!(path, Some("/a\n\u{1b}[31m\"\u{fffd}#"));
    assert!(
        json.member("detail")
            .and_then(Json::as_str)
            .is_some_and(|why| why.contains("path"))
    );
    let (line, _) = record(&decision, &[b'a'; 100_000]);
    assert!(line.len() < 2000);
}

/// Line separators, C1 controls and bidirectional controls are valid in JSON strings, but some log
/// viewers end the line there or show another text.
#[test]
fn t16_no_hidden_character_is_in_a_record() {
    let paths: [&[u8]; 8] = [
        "/a\u{2028}b".as_bytes(),
        "/a\u{2029}b".as_bytes(),
        "/a\u{85}b".as_bytes(),
        "/a\u{9b}31mb".as_bytes(),
        "/a\u{7f}b".as_bytes(),
        "/a\u{202e}b".as_bytes(),
        "/a\u{2066}\u{200b}\u{feff}b".as_bytes(),
        b"/a\0\x1b\xc2\x85\xff",
    ];
    for path in paths {
        let (line, json) = record(&Decision::new(Reason::RequestAmbiguous), path);
        assert!(!line.chars().any(crate::escape::is_hidden), "{line}");
        let expected = String::from_utf8_lossy(path);
        assert_eq!(json.member("path").and_then(Json::as_str), Some(&*expected));
    }
}
