use portcullis_core::keys::KeySet;
use portcullis_core::token::TokenError;

use super::*;
use crate::session::bytes;
use crate::session::fixtures::{URL, ada, at};
use crate::session::keys::file::Document;

fn session() -> Session {
    let ada = ada();
    let lifetime = std::time::Duration::from_secs(3600);
    Session::new("sso", ada.user, ada.tokens, at(0), lifetime)
}

#[test]
fn a_session_token_has_the_documented_claims() {
    let keys = Keys::fresh(at(0));
    let session = session();
    let text = keys.issue_token(URL, &session, at(10), at(310));
    let (header, rest) = text.split_once('.').unwrap();
    let header = String::from_utf8(bytes::decode(header).unwrap()).unwrap();
    let kid = &keys.newest.kid;
    assert_eq!(
        header,
        format!(r#"{{"alg":"ES256","typ":"portcullis-session+jwt","kid":"{kid}"}}"#)
    );
    let payload = bytes::decode(rest.split_once('.').unwrap().0).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let expected = serde_json::json!({
        "iss": URL, "aud": URL, "sub": "ada", "idp": "sso",
        "sid": session.sid.to_string(), "handle": keys.handle("sso", "ada").to_string(),
        "began": at(0).secs(), "iat": at(10).secs(), "exp": at(310).secs(),
        "email": "ada@example.com", "email_verified": true,
        "groups": ["sre", "dev"], "preferred_username": "ada",
    });
    assert_eq!(payload, expected);
    assert_eq!(session.sid.to_string().len(), 22);
}

#[test]
fn an_expired_session_token_is_still_read() {
    let keys = Keys::fresh(at(0));
    let session = session();
    let claims = keys
        .verify_token(URL, &keys.issue_token(URL, &session, at(10), at(11)))
        .unwrap();
    assert_eq!(claims.handles, keys.handles(&session));
    assert_eq!(claims.issued_at, at(10));
}

#[test]
fn a_foreign_session_token_is_rejected() {
    let keys = Keys::fresh(at(0));
    let session = session();
    let text = keys.issue_token(URL, &session, at(10), at(310));
    assert!(
        keys.verify_token("https://auth.example.net", &text)
            .is_none()
    );
    assert!(Keys::fresh(at(0)).verify_token(URL, &text).is_none());
    // One bit of the signature.
    let mut other = bytes::decode(text.rsplit_once('.').unwrap().1).unwrap();
    other[10] ^= 1;
    let altered = format!(
        "{}.{}",
        text.rsplit_once('.').unwrap().0,
        bytes::encode(other)
    );
    assert!(keys.verify_token(URL, &altered).is_none());
    // The claims of another session under this signature.
    let second = keys.issue_token(URL, &self::session(), at(10), at(310));
    let parts: Vec<_> = text.split('.').collect();
    let mixed = [parts[0], second.split('.').nth(1).unwrap(), parts[2]].join(".");
    assert!(keys.verify_token(URL, &mixed).is_none());
}

#[test]
fn a_token_of_an_old_key_is_valid_while_the_key_is_kept() {
    let mut document = Document::rotated(&[0]);
    let text = document
        .keys()
        .unwrap()
        .issue_token(URL, &session(), at(10), at(310));
    document.rotate(at(20));
    assert!(document.keys().unwrap().verify_token(URL, &text).is_some());
}

#[test]
fn core_verifies_a_session_token_as_one_and_as_no_bearer_token() {
    let keys = Keys::fresh(at(0));
    let text = keys.issue_token(URL, &session(), at(10), at(310));
    assert_eq!(Token::parse(&text).unwrap_err(), TokenError::Type);
    let token = Token::parse_as(&text, is_token_type).unwrap();
    let body = keys.jwks_json();
    let set = KeySet::parse(body.as_bytes(), None).unwrap();
    let key = set
        .keys()
        .iter()
        .find(|key| key.kid() == token.header().kid());
    assert_eq!(key.unwrap().algorithm(), token.header().algorithm());
}

#[test]
fn empty_claims_are_left_out() {
    let keys = Keys::fresh(at(0));
    let mut session = session();
    session.user.email = Some(String::new());
    session.user.preferred_username = None;
    session.user.groups.clear();
    let claims = keys
        .verify_token(URL, &keys.issue_token(URL, &session, at(10), at(310)))
        .unwrap();
    assert_eq!((claims.email, claims.preferred_username), (None, None));
    assert!(claims.groups.is_empty());
}
