use serde_json::{Value, json};

use super::audit_log::record_in;

const RECORD: &str = r#"{"audit":"portcullis.decision.v1","id":"1","path":"/\u202e\"{"}"#;

#[test]
fn a_record_is_found_behind_a_prefix_and_in_the_members_that_logs_have() {
    let expected: Value = serde_json::from_str(RECORD).unwrap();
    let record = || RECORD.to_owned();
    for line in [
        record(),
        format!("[2026-11-30][1][info][wasm] [context.cc:1148] wasm log portcullis: {RECORD}"),
        json!({"status": 200, "audit": RECORD, "path": "{"}).to_string(),
        json!({"level": "INFO", "message": RECORD, "target": "portcullis::audit"}).to_string(),
        format!(
            "2026-11-30T10:00:00Z stdout F {}",
            json!({"message": RECORD})
        ),
        json!({"log": format!("wasm log portcullis: {RECORD}\n"), "stream": "stderr"}).to_string(),
        json!({"log": json!({"audit": RECORD}).to_string()}).to_string(),
        json!({"body": {"stringValue": RECORD}}).to_string(),
    ] {
        assert_eq!(record_in(&line), Some(expected.clone()), "{line}");
    }
    let nested = (0..20).fold(record(), |text, _| json!({"log": text}).to_string());
    assert_eq!(record_in(&nested), None);
}

/// A client's texts in logs are no records.
#[test]
fn a_record_that_a_client_sends_is_none() {
    for line in [
        json!({"audit": "portcullis.session.v1", "user_agent": RECORD}).to_string(),
        json!({"message": json!({"audit": "portcullis.session.v1", "user_agent": RECORD}).to_string()}).to_string(),
        json!({"user_agent": RECORD, "path": RECORD, "status": 200}).to_string(),
        format!("[2026-11-30] \"GET / HTTP/1.1\" 200 - \"{RECORD}\""),
        format!("[2026-11-30] \"GET / HTTP/1.1\" 200 - {RECORD}"),
        format!("{RECORD} more"),
    ] {
        assert_eq!(record_in(&line), None, "{line}");
    }
}

#[test]
fn what_is_no_record_is_none() {
    for text in [
        "",
        "portcullis.decision.v1",
        r#"{"audit":"portcullis.decision.v1""#,
        r#"{"audit":"other","x":"portcullis.decision.v1"}"#,
        r#"{\"audit\":\"portcullis.decision.v1\"#,
        r#"{"x":{"audit":"portcullis.decision.v10"}}"#,
    ] {
        assert_eq!(record_in(text), None, "{text}");
    }
}
