//! Session tokens that are refused, and tokens that are not session tokens.

use super::users::*;
use super::*;
use crate::decision::Class;
use crate::fixtures::key_set;
use crate::session::{Revoked, TOKEN_TYPE};

#[test]
fn j09_a_session_token_is_refused_as_bearer_token() {
    let mut test = TestGate::for_users();
    let bearer = format!("Bearer {}", session());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        test.evaluate(ALERTS, &headers),
        refused(Reason::TokenMalformed)
    );
    // Not even if it is cached as a valid session token.
    assert_eq!(test.with_token(&session()), operator());
    assert_eq!(
        test.evaluate(ALERTS, &headers),
        refused(Reason::TokenMalformed)
    );
    // Nor if a trust entry has the issuer, audience and keys of the companion.
    let policy = USERS.replace(
        r#""issuer": "https://gitlab.example.com",
     "audiences": ["portcullis"]"#,
        r#""issuer": "https://auth.example.com",
     "audiences": ["https://auth.example.com"]"#,
    );
    assert_ne!(policy, USERS);
    let mut test = TestGate::of(&policy);
    test.fetch(trust(1), Some(&[(Algorithm::Es256, KID)]));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    assert_eq!(test.with_token(&session()), operator());
    assert_eq!(
        test.evaluate(ALERTS, &headers),
        refused(Reason::TokenMalformed)
    );
}

#[test]
fn j09_other_tokens_of_the_companion_are_refused_as_session_tokens() {
    let mut test = TestGate::for_users();
    for typ in [
        "JWT",
        "at+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "",
        "Portcullis-Session+JWT",
        "application/portcullis-session+jwt",
        "portcullis-session+jwt ",
        "portcullis-login+jwt",
    ] {
        let token = token(Algorithm::Es256, &header(typ), &payload(&[]));
        assert_eq!(
            test.with_token(&token),
            refused(Reason::TokenMalformed),
            "{typ}"
        );
    }
    let untyped = format!(r#"{{"alg":"ES256","kid":"{KID}"}}"#);
    let token = token(Algorithm::Es256, &untyped, &payload(&[]));
    assert_eq!(test.with_token(&token), refused(Reason::TokenMalformed));
}

#[test]
fn j09_a_bearer_token_is_refused_as_session_token() {
    let mut test = TestGate::for_users();
    let karma = karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600);
    let caller = "blue/monitoring/karma";
    let polled = test.poll(&karma);
    assert_eq!(polled, decided(Reason::Rule, Some("polls"), caller));
    assert_eq!(test.with_token(&karma), refused(Reason::TokenMalformed));
}

#[test]
fn c05_a_sealed_cookie_is_refused_as_session_token() {
    let mut test = TestGate::for_users();
    for sealed in ["AQAAAAAAAAAAsealed", "AQ.login.x", "....", "a.b.c"] {
        assert_eq!(test.with_token(sealed), refused(Reason::TokenMalformed));
    }
}

#[test]
fn j04_a_session_token_needs_es256_and_a_kid() {
    let mut test = TestGate::for_users();
    let header = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","typ":"{TOKEN_TYPE}"{kid}}}"#);
    for (algorithm, name) in [
        (Algorithm::EdDsa, "EdDSA"),
        (Algorithm::Rs256, "RS256"),
        (Algorithm::Es256, "none"),
        (Algorithm::Es256, "HS256"),
        (Algorithm::Es256, "ES384"),
    ] {
        let header = header(name, &format!(r#","kid":"{KID}""#));
        let token = token(algorithm, &header, &payload(&[]));
        assert_eq!(test.with_token(&token), refused(Reason::AlgorithmRefused));
    }
    let unnamed = token(Algorithm::Es256, &header("ES256", ""), &payload(&[]));
    assert_eq!(test.with_token(&unnamed), refused(Reason::TokenMalformed));
    // Whatever keys the workers share.
    let record = KeyRecord::fetched_now(key_set(Algorithm::EdDsa, KID), test.now);
    test.keyring.update(COMPANION, record);
    let header = header("EdDSA", &format!(r#","kid":"{KID}""#));
    let token = token(Algorithm::EdDsa, &header, &payload(&[]));
    assert_eq!(test.with_token(&token), refused(Reason::AlgorithmRefused));
}

#[test]
fn j18_a_session_token_of_another_companion_or_provider_is_refused() {
    let mut test = TestGate::for_users();
    for (claim, reason) in [
        (
            ("iss", "\"https://auth.example.com/\""),
            Reason::IssuerUnknown,
        ),
        (
            ("iss", "\"https://gitlab.example.com\""),
            Reason::IssuerUnknown,
        ),
        (
            ("aud", "\"https://auth.example.org\""),
            Reason::AudienceMismatch,
        ),
        (("aud", ""), Reason::AudienceMismatch),
        (("idp", "\"gitlab\""), Reason::IssuerUnknown),
        (("idp", "\"blue\""), Reason::IssuerUnknown),
        (("idp", "\"SSO\""), Reason::IssuerUnknown),
        (("idp", ""), Reason::TokenMalformed),
        (("sid", ""), Reason::TokenMalformed),
        (("handle", ""), Reason::TokenMalformed),
        (("began", ""), Reason::TokenMalformed),
        (("iat", ""), Reason::TokenMalformed),
        (("sub", "\"\""), Reason::SubjectInvalid),
        (("sub", "\"a\\n\""), Reason::SubjectInvalid),
        (("cnf", "{}"), Reason::BindingUnproven),
    ] {
        let token = session_with(&[claim]);
        assert_eq!(test.with_token(&token), refused(reason), "{claim:?}");
    }
}

#[test]
fn a_failed_session_counts_as_no_credentials_with_its_own_reason() {
    let mut test = TestGate::for_users();
    let (signed, _) = session()
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let (_, other) = session_of(2, 0)
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let forged = cookie(&format!("{signed}.{other}"));
    let forged = decision(&mut test, ALERTS, &[("cookie", &forged)]);
    assert_eq!(forged.reason(), Reason::SignatureInvalid);
    assert_eq!(forged.class(), Class::Unauthenticated);
    assert!(forged.authenticated().is_none());
    drop(forged);
    let bearer = [("authorization", "Bearer a.b.c")];
    let bearer = decision(&mut test, ALERTS, &bearer);
    assert_eq!(bearer.class(), Class::InvalidToken);
}

#[test]
fn j16_a_session_token_expires_without_leeway_and_starts_with_leeway() {
    let token = session_of(1, 100);
    for (now, expected) in [
        (69, refused(Reason::NotYetValid)),
        (70, operator()),
        (100, operator()),
        (399, operator()),
        (400, refused(Reason::SessionExpired)),
        (429, refused(Reason::SessionExpired)),
    ] {
        let mut test = TestGate::for_users();
        test.wait(now);
        assert_eq!(test.with_token(&token), expected, "{now}");
        assert_eq!(test.with_token(&token), expected, "{now}, cached");
    }
    let start = START.secs();
    let long = |seconds: u64| session_with(&[("exp", &(start + seconds).to_string())]);
    let mut test = TestGate::for_users();
    assert_eq!(test.with_token(&long(3600)), operator());
    assert_eq!(
        test.with_token(&long(3601)),
        refused(Reason::LifetimeTooLong)
    );
}

#[test]
fn h04_missing_keys_of_the_companion_lead_to_503() {
    let mut test = TestGate::of(USERS);
    assert_eq!(test.with_token(&session()), Summary::Await(vec![COMPANION]));
    test.fetch(COMPANION, None);
    assert_eq!(
        test.with_token(&session()),
        refused(Reason::KeysUnavailable)
    );
    let mut test = TestGate::for_users();
    test.wait(24 * 3600 + 1);
    let token = session_of(1, 24 * 3600);
    assert_eq!(test.with_token(&token), refused(Reason::KeysStale));
}

#[test]
fn j11_a_request_waits_for_a_new_key_of_the_companion() {
    let mut test = TestGate::for_users();
    test.wait(20);
    let header = header(TOKEN_TYPE).replace(KID, "session-2");
    let token = token(Algorithm::Es256, &header, &payload(&[]));
    assert_eq!(test.with_token(&token), Summary::Await(vec![COMPANION]));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, "session-2")]));
    assert_eq!(test.with_token(&token), operator());
    // The previous key is accepted for one more minute, until each filter has the new one.
    assert_eq!(test.with_token(&session()), operator());
}

#[test]
fn t21_a_revoked_session_is_refused_before_its_token_expires() {
    let ends = START.after(Duration::from_secs(3600));
    let began_later = session_with(&[
        ("sid", &format!("\"{}\"", sid(2))),
        ("began", &(START.secs() + 1).to_string()),
    ]);
    for target in [Revoked::Session(sid(1)), Revoked::User(sid(0xff))] {
        let mut test = TestGate::for_users();
        assert_eq!(test.with_token(&session()), operator());
        test.revocations.revoke(target, START, ends, START);
        assert_eq!(test.with_token(&session()), refused(Reason::Revoked));
        assert_eq!(
            test.with_token(&began_later),
            operator(),
            "who signs in again is let in"
        );
    }
    let mut test = TestGate::for_users();
    test.revocations.raise_floor(START);
    assert_eq!(test.with_token(&session()), refused(Reason::Revoked));
    assert_eq!(test.with_token(&began_later), operator());
}
