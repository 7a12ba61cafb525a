use super::client::{CallError, is_trusted};
use super::*;

use portcullis_core::caller::session_token_id;
use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::logging::captured::logged;

#[test]
fn requests_and_responses_have_a_fixed_form() {
    let providers = ["sso".to_owned()];
    let target = RevocationTarget::caller("sso/ada", &providers).unwrap();
    for (target, expected) in [
        (
            target,
            r#"{"revoke":{"caller":{"provider":"sso","subject":"ada"}}}"#,
        ),
        (RevocationTarget::Everyone, r#"{"revoke":"everyone"}"#),
        (
            RevocationTarget::session("BwcHBwcHBwcHBwcHBwcHBw").unwrap(),
            r#"{"revoke":{"session":{"sid":"BwcHBwcHBwcHBwcHBwcHBw"}}}"#,
        ),
    ] {
        let text = serde_json::to_string(&Request::Revoke(target.clone())).unwrap();
        assert_eq!(text, expected);
        let Request::Revoke(read) = serde_json::from_str(&text).unwrap();
        assert_eq!(read, target);
    }
    for text in [
        "",
        "{}",
        r#"{"revoke":"nobody"}"#,
        r#"{"revoke":{"caller":{"provider":"sso"}}}"#,
    ] {
        assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_operators_revocation_leaves_records_of_session_events() {
    let providers = ["sso", "partners"].map(str::to_owned);
    let sid = Id::from_bytes([7; 16]);
    let user = json!({"provider": "sso", "subject": "ada"});
    let everyone = [json!({"provider": "sso"}), json!({"provider": "partners"})];
    let session = json!({"session": session_token_id(sid)});
    for (target, expected) in [
        (
            RevocationTarget::caller("sso/ada", &providers).unwrap(),
            vec![user],
        ),
        (RevocationTarget::Everyone, everyone.to_vec()),
        (RevocationTarget::Session { sid }, vec![session]),
    ] {
        let work = async { log(&target, &providers, Timestamp::from_secs(7)) };
        let ((), lines) = logged(work).await;
        let lines = lines
            .lines()
            .filter_map(|line| line.split_once(" portcullis::audit: "));
        let records: Vec<Value> = lines
            .map(|(level, record)| {
                assert!(level.ends_with(" WARN"), "{level}");
                assert!(!record.contains(&sid.to_string()), "{record}");
                let mut record: Value = serde_json::from_str(record).unwrap();
                let members = record.as_object_mut().unwrap();
                members.remove("time").unwrap();
                assert_eq!(members.remove("audit").unwrap(), "portcullis.session.v1");
                assert_eq!(members.remove("event").unwrap(), "revoked");
                assert_eq!(members.remove("reason").unwrap(), "operator");
                record
            })
            .collect();
        assert_eq!(records, expected);
    }
}

#[test]
fn only_the_own_user_root_and_for_root_the_owner_of_the_store_are_trusted() {
    for (peer, own, store_owner, expected) in [
        (7, 7, None, true),
        (0, 7, None, true),
        (0, 0, None, true),
        (7, 0, Some(7), true),
        (8, 7, Some(8), false),
        (8, 0, Some(7), false),
        (8, 0, None, false),
    ] {
        assert_eq!(is_trusted(peer, own, store_owner), expected, "{peer} {own}");
    }
}

#[tokio::test]
async fn a_companion_that_closes_the_connection_has_revoked_nothing() {
    let folder = portcullis_tests::lab::folder::fresh("admin");
    let path = folder.join("socket");
    let missing = call(&path, &RevocationTarget::Everyone).await.unwrap_err();
    assert!(matches!(missing, CallError::Unreachable(_)), "{missing}");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        for response in ["", "{}\n", "{\"revoked\":{\"ends\":7}}\n"] {
            use std::io::{BufRead as _, Write as _};
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            std::io::BufReader::new(stream.try_clone().unwrap())
                .read_line(&mut line)
                .unwrap();
            assert_eq!(line, "{\"revoke\":\"everyone\"}\n");
            stream.write_all(response.as_bytes()).unwrap();
        }
    });
    for _ in 0..2 {
        let error = call(&path, &RevocationTarget::Everyone).await.unwrap_err();
        assert!(matches!(error, CallError::NoResponse(_)), "{error}");
    }
    let ends = call(&path, &RevocationTarget::Everyone).await.unwrap();
    assert_eq!(ends, Timestamp::from_secs(7));
    server.join().unwrap();
}
