use super::*;
use crate::session::fixtures::{ada, at};
use crate::session::store::Ticket;

fn session() -> Session {
    let ada = ada();
    Session::new(
        "sso",
        ada.user,
        ada.tokens,
        at(0),
        Duration::from_secs(3600),
    )
}

#[test]
fn a_session_round_trips_through_its_sealed_form() {
    let session = session();
    assert_eq!(Session::from_bytes(&session.to_bytes()), Some(session));
}

#[test]
fn a_new_session_equals_its_sealed_form() {
    let ada = ada();
    let now = Timestamp::from_millis(at(0).millis() + 999);
    let session = Session::new("sso", ada.user, ada.tokens, now, Duration::from_secs(60));
    assert_eq!(Session::from_bytes(&session.to_bytes()), Some(session));
}

#[test]
fn a_session_with_a_time_out_of_range_is_rejected() {
    let text = String::from_utf8(session().to_bytes().to_vec()).unwrap();
    let ends = at(3600).secs();
    for (seconds, is_read) in [
        (u64::MAX / 1000, true),
        (u64::MAX / 1000 + 1, false),
        (u64::MAX, false),
    ] {
        let far = text.replace(
            &format!(r#""ends":{ends}"#),
            &format!(r#""ends":{seconds}"#),
        );
        assert_ne!(far, text);
        let read = Session::from_bytes(far.as_bytes());
        assert_eq!(read.is_some(), is_read, "{seconds}");
        let again = read
            .as_ref()
            .and_then(|read| Session::from_bytes(&read.to_bytes()));
        assert_eq!(again, read, "{seconds}");
    }
}

#[test]
fn a_session_of_another_version_is_rejected() {
    let text = String::from_utf8(session().to_bytes().to_vec()).unwrap();
    let other = text.replace(r#""version":1"#, r#""version":2"#);
    assert_eq!(Session::from_bytes(other.as_bytes()), None);
    assert_eq!(Session::from_bytes(b""), None);
    assert_eq!(Session::from_bytes(b"{}"), None);
}

#[test]
fn a_ticket_of_another_version_is_rejected() {
    let ticket = Ticket::new(&session());
    let text = String::from_utf8(ticket.to_bytes().to_vec()).unwrap();
    assert!(Ticket::from_bytes(text.as_bytes()).is_some());
    let other = text.replace(r#""version":1"#, r#""version":2"#);
    assert!(Ticket::from_bytes(other.as_bytes()).is_none());
}

#[test]
fn r11_each_session_has_its_own_id() {
    assert_ne!(session().sid, session().sid);
}

#[test]
fn debug_output_has_no_token() {
    let shown = format!("{:?}", session());
    assert!(!shown.contains("refresh-0"), "{shown}");
    assert!(!shown.contains("an.id.token"), "{shown}");
}
