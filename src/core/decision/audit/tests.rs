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
