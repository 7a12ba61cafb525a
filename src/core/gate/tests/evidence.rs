//! The details of a refusal that operators get and clients do not.

use super::users::*;
use super::*;
use crate::decision::Recorded;
use crate::fixtures::unsigned;
use crate::json::Json;
use crate::local_reply::LocalReply;
use crate::session::Revoked;

/// The audit record of a decision on a request with these headers. Also checks that the response to
/// the client contains nothing of the evidence.
fn record(test: &mut TestGate, request: &str, fields: &[(&str, &str)]) -> Json {
    let (gate, context, cache) = test.parts();
    let headers = headers(request, fields);
    let decision = match gate.evaluate(&headers, context, cache) {
        Evaluation::Decided(decision) => decision,
        other => panic!("{other:?}"),
    };
    let line = decision.audit_record(
        &headers,
        Recorded {
            policy: gate.policy(),
            time: context.now,
            client: None,
        },
    );
    let json = Json::parse(line.as_bytes()).unwrap();
    assert_no_token(&line, fields);
    if let Some(reply) = LocalReply::refusal(&decision, &headers) {
        let shown = format!("{:?} {}", reply.headers, reply.body);
        let hidden = ["error", "trust", "kid"].map(|name| text(&json, name));
        for hidden in hidden.into_iter().flatten() {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    }
    json
}

/// No part of a token longer than its claims is in the record: neither the encoded header and payload
/// nor the signature.
fn assert_no_token(line: &str, fields: &[(&str, &str)]) {
    for (_, value) in fields {
        let parts = value
            .split(['.', ' ', '=', ';'])
            .filter(|part| part.len() >= 16);
        for part in parts.filter(|part| !part.starts_with("__Secure")) {
            assert!(!line.contains(&part[..16]), "{part} in {line}");
        }
    }
}

fn poll(test: &mut TestGate, token: &str) -> Json {
    let bearer = format!("Bearer {token}");
    let request = "GET alertmanager.example.com /api/v2/alerts";
    record(test, request, &[("authorization", &bearer)])
}

fn text<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    json.member(name).and_then(Json::as_str)
}

/// The record's reason, trust and kid, and whether the claims are verified.
fn summary(json: &Json) -> (&str, Option<&str>, Option<&str>, Option<bool>) {
    let claimed = json.member("claimed");
    let verified = claimed.and_then(|claimed| claimed.member("verified"));
    (
        text(json, "reason").unwrap(),
        text(json, "trust"),
        text(json, "kid"),
        verified.and_then(Json::as_bool),
    )
}

fn error_has(json: &Json, part: &str) {
    let error = text(json, "error").unwrap();
    assert!(error.contains(part), "{error}");
}

#[test]
fn an_expired_token_shows_its_trust_entry_key_and_verified_claims() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    for cached in [false, true] {
        test.now = START;
        let allowed = poll(&mut test, &token);
        assert_eq!(allowed.member("error"), None);
        assert_eq!(allowed.member("claimed"), None);
        if cached {
            poll(&mut test, &token);
        }
        test.wait(631);
        let json = poll(&mut test, &token);
        assert_eq!(
            summary(&json),
            ("expired", Some("blue"), Some("blue-1"), Some(true))
        );
        error_has(&json, "`exp` has passed");
        let claimed = json.member("claimed").unwrap();
        assert_eq!(text(claimed, "iss"), Some("https://kubernetes.example.com"));
        assert_eq!(
            text(claimed, "sub"),
            Some("system:serviceaccount:monitoring:karma")
        );
        let exp = claimed.member("exp").map(|exp| format!("{exp:?}"));
        assert!(exp.unwrap().contains(&(START.secs() + 600).to_string()));
    }
}

#[test]
fn a_wrong_audience_shows_the_trust_entry_and_key() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "another", 600);
    let json = poll(&mut test, &token);
    assert_eq!(
        summary(&json),
        (
            "audience-mismatch",
            Some("blue"),
            Some("blue-1"),
            Some(true)
        )
    );
    error_has(&json, "audiences of the trust entry");
    // The trust entry accepts the audience, and the app does not.
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let bearer = format!("Bearer {token}");
    let json = record(
        &mut test,
        "GET own.example.com /",
        &[("authorization", &bearer)],
    );
    assert_eq!(
        summary(&json),
        (
            "audience-mismatch",
            Some("blue"),
            Some("blue-1"),
            Some(true)
        )
    );
    error_has(&json, "audiences of the app");
}

#[test]
fn an_unknown_key_shows_the_claimed_kid_as_unverified() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-9"), "portcullis", 600);
    let json = poll(&mut test, &token);
    assert_eq!(
        summary(&json),
        ("key-unknown", Some("blue"), None, Some(false))
    );
    error_has(&json, "no trust entry of the issuer has a key");
    let claimed = json.member("claimed").unwrap();
    assert_eq!(text(claimed, "kid"), Some("blue-9"));
    assert_eq!(text(claimed, "alg"), Some("ES256"));
}

#[test]
fn a_bad_signature_shows_the_key_that_was_tried() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 600);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    let json = poll(&mut test, &forged);
    assert_eq!(
        summary(&json),
        (
            "signature-invalid",
            Some("blue"),
            Some("blue-1"),
            Some(false)
        )
    );
    error_has(&json, "the signature does not verify with the key");
}

#[test]
fn a_malformed_token_shows_what_can_be_read_of_it() {
    let mut test = TestGate::with_keys();
    let payload = r#"{"iss":"https://kubernetes.example.com","sub":"a","exp":"soon"}"#;
    let json = poll(&mut test, &unsigned(r#"{"alg":"ES256"}"#, payload));
    assert_eq!(summary(&json), ("token-malformed", None, None, Some(false)));
    error_has(&json, "`exp` is missing or has a wrong type");
    let claimed = json.member("claimed").unwrap();
    assert_eq!(text(claimed, "iss"), Some("https://kubernetes.example.com"));
    let json = poll(&mut test, &unsigned(r#"{"alg":"none"}"#, payload));
    assert_eq!(
        summary(&json),
        ("algorithm-refused", None, None, Some(false))
    );
    let json = poll(&mut test, "opaque-session-of-another-kind");
    assert_eq!(summary(&json), ("token-malformed", None, None, None));
    error_has(&json, "not three parts");
}

#[test]
fn an_unknown_issuer_and_the_algorithm_of_another_key_have_their_own_errors() {
    let mut test = TestGate::with_keys();
    let other = unsigned(
        r#"{"alg":"ES256","kid":"a"}"#,
        r#"{"iss":"https://other.example","sub":"a","aud":"portcullis","exp":9999999999}"#,
    );
    let json = poll(&mut test, &other);
    assert_eq!(summary(&json), ("issuer-unknown", None, None, Some(false)));
    error_has(&json, "no trust entry has the issuer");
    let mut test = TestGate::with_keys();
    test.fetch(trust(1), Some(&[(Algorithm::Rs256, "green-1")]));
    let token = karma(Algorithm::Es256, Some("green-1"), "portcullis", 600);
    let json = poll(&mut test, &token);
    assert_eq!(
        summary(&json),
        ("algorithm-refused", Some("green"), None, Some(false))
    );
    error_has(&json, "not for the algorithm in `alg`");
}

#[test]
fn keys_that_are_stale_or_unavailable_name_the_trust_entry() {
    let mut test = TestGate::with_keys();
    let token = karma(Algorithm::Es256, Some("blue-1"), "portcullis", 80_000);
    test.wait(3700);
    let json = poll(&mut test, &token);
    assert_eq!(
        summary(&json),
        ("keys-stale", Some("blue"), None, Some(false))
    );
    error_has(&json, "`max_stale`");
    let mut test = TestGate::new();
    test.fetch(trust(0), None);
    test.fetch(trust(1), None);
    let json = poll(&mut test, &token);
    let (reason, entry, kid, verified) = summary(&json);
    assert_eq!(
        (reason, kid, verified),
        ("keys-unavailable", None, Some(false))
    );
    assert!(entry.is_some());
    error_has(&json, "could not be fetched");
}

#[test]
fn a_session_that_fails_shows_why() {
    let mut test = TestGate::for_users();
    let token = session();
    let cookies = cookie(&token);
    let expired = |test: &mut TestGate| {
        test.wait(400);
        record(test, ALERTS, &[("cookie", &cookies)])
    };
    let json = expired(&mut test);
    assert_eq!(
        summary(&json),
        ("session-expired", Some("sso"), Some(KID), Some(true))
    );
    error_has(&json, "no sealed session");
    let mut test = TestGate::for_users();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = cookie(&format!("{signed}.{}", "A".repeat(86)));
    let json = record(&mut test, ALERTS, &[("cookie", &forged)]);
    assert_eq!(
        summary(&json),
        ("signature-invalid", Some("sso"), Some(KID), Some(false))
    );
    let mut test = TestGate::for_users();
    let (now, ends) = (test.now, test.now.after(Duration::from_secs(900)));
    test.revocations
        .revoke(Revoked::Session(sid(1)), START, ends, now);
    let json = record(&mut test, ALERTS, &[("cookie", &cookies)]);
    assert_eq!(
        summary(&json),
        ("revoked", Some("sso"), Some(KID), Some(true))
    );
    error_has(&json, "revoked or signed out");
}

#[test]
fn a_refusal_says_that_the_users_address_does_not_count() {
    let mut test = TestGate::for_users();
    let mail = "GET alertmanager.example.com /mail";
    let mut error = |claims: &[(&str, &str)], request: &str| {
        let cookies = cookie(&session_with(claims));
        let json = record(&mut test, request, &[("cookie", &cookies)]);
        let error = text(&json, "error").map(str::to_owned);
        (text(&json, "reason").unwrap().to_owned(), error)
    };
    for unverified in ["false", ""] {
        let (reason, error) = error(&[("email_verified", unverified)], mail);
        assert_eq!(reason, "caller-not-allowed");
        assert!(error.unwrap().contains("not verified the caller's email"));
    }
    let other = [("email", "\"bob@example.com\"")];
    assert_eq!(error(&other, mail), ("caller-not-allowed".to_owned(), None));
    let none = [("email", ""), ("email_verified", "")];
    assert_eq!(error(&none, mail), ("caller-not-allowed".to_owned(), None));
    // The address makes no difference where another entry allows the user.
    let operator = [("email_verified", "false")];
    assert_eq!(error(&operator, ALERTS), ("rule".to_owned(), None));
}
