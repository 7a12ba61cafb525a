use serde_json::Value;

use super::*;

fn event() -> SessionEvent<'static> {
    SessionEvent {
        kind: SessionEventKind::SignedIn,
        provider: Some("sso"),
        subject: Some("4711"),
        sid: Some(Id::from_bytes([7; 16])),
        reason: None,
    }
}

#[test]
fn a_record_is_one_line_without_the_session_id() {
    let client = EventClient {
        address: Some(IpAddr::from([192, 0, 2, 7])),
        user_agent: Some("Mozilla/5.0".to_owned()),
        request_id: Some("0123".to_owned()),
    };
    let line = event().record(&client);
    let json: Value = serde_json::from_str(&line).unwrap();
    for (member, value) in [
        ("audit", "portcullis.session.v1"),
        ("event", "signed-in"),
        ("provider", "sso"),
        ("subject", "4711"),
        ("session", &session_token_id(Id::from_bytes([7; 16]))),
        ("id", "0123"),
        ("client", "192.0.2.7"),
        ("user_agent", "Mozilla/5.0"),
    ] {
        assert_eq!(json[member], value, "{member}");
    }
    assert!(
        !line.contains(&Id::from_bytes([7; 16]).to_string()),
        "{line}"
    );
    assert!(json.get("reason").is_none());
}

#[test]
fn texts_of_others_are_bounded_and_escaped_and_what_is_unknown_is_absent() {
    let client = EventClient {
        user_agent: Some(format!("a\n\u{202e}{}", "\u{e9}".repeat(5000))),
        ..EventClient::default()
    };
    let subject = "\u{2028}".repeat(5000);
    let event = SessionEvent {
        kind: SessionEventKind::SignInRefused,
        subject: Some(&subject),
        sid: None,
        reason: Some("state-missing"),
        ..event()
    };
    let line = event.record(&client);
    assert!(!line.chars().any(escape::is_hidden), "{line}");
    assert!(line.len() < 2000, "{}", line.len());
    let json: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["event"], "sign-in-refused");
    for absent in ["session", "id", "client"] {
        assert!(json.get(absent).is_none(), "{absent}");
    }
}
