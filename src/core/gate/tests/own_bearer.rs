//! Bearer tokens of an app's own beside a session (`bearer: app`).

use super::users::*;
use super::*;
use crate::fixtures::unsigned;
use crate::outcome::Outcome;

/// A token of an issuer that the policy does not know.
fn foreign() -> String {
    unsigned(
        r#"{"alg":"RS256"}"#,
        r#"{"iss":"https://grafana.example.com","sub":"a","aud":"b","exp":1800000600}"#,
    )
}

/// A gate whose app has its own bearer tokens.
fn gate() -> TestGate {
    let policy = USERS.replacen(
        r#""name": "alertmanager","#,
        r#""name": "alertmanager", "bearer": "app","#,
        1,
    );
    assert_ne!(policy, USERS);
    let mut test = TestGate::of(&policy);
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    test
}

/// The reason, and whether `Authorization` is forwarded.
fn evaluated(test: &mut TestGate, request: &str, token: &str, cookie: &str) -> (Reason, bool) {
    let bearer = format!("Bearer {token}");
    let fields = [("authorization", bearer.as_str()), ("cookie", cookie)];
    let policy = test.gate.policy().clone();
    let decision = decision(test, request, &fields);
    let reason = decision.reason();
    let headers = headers(request, &fields);
    let outcome = decision.outcome(&headers, &policy, START);
    let is_forwarded = matches!(outcome, Outcome::Forward(_));
    assert!(!outcome.verdict().forwards(b"x-auth-request-user"));
    (
        reason,
        is_forwarded && outcome.verdict().forwards(b"authorization"),
    )
}

#[test]
fn a_token_of_the_app_is_forwarded_beside_a_valid_session_which_decides() {
    let mut test = gate();
    let alice = cookie(&session());
    let guest = cookie(&session_with(&[("groups", "[]"), ("email", "")]));
    for token in ["glsa_opaque", "a.b.c", &foreign()] {
        assert_eq!(
            evaluated(&mut test, ALERTS, token, &alice),
            (Reason::Rule, true),
            "{token}"
        );
        let refused = (Reason::CallerNotAllowed, false);
        assert_eq!(
            evaluated(&mut test, ALERTS, token, &guest),
            refused,
            "{token}"
        );
    }
    // Without `bearer: app` such a token is refused.
    let mut test = TestGate::for_users();
    let refused = (Reason::TokenMalformed, false);
    assert_eq!(evaluated(&mut test, ALERTS, "glsa_opaque", &alice), refused);
}

#[test]
fn without_a_valid_session_such_a_token_is_refused() {
    let mut test = gate();
    for cookie in [
        String::new(),
        cookie("x"),
        cookie(&session_with(&[("aud", "\"other\"")])),
    ] {
        let opaque = evaluated(&mut test, ALERTS, "glsa_opaque", &cookie);
        assert_eq!(opaque, (Reason::TokenMalformed, false), "{cookie}");
        let foreign = evaluated(&mut test, ALERTS, &foreign(), &cookie);
        assert_eq!(foreign, (Reason::IssuerUnknown, false), "{cookie}");
    }
}

#[test]
fn a_token_of_a_known_issuer_is_evaluated_as_usual() {
    let mut test = gate();
    let alice = cookie(&session());
    for issuer in [
        "https://kubernetes.example.com",
        "https://gitlab.example.com",
        "https://auth.example.com",
    ] {
        let payload = format!(r#"{{"iss":"{issuer}","sub":"a","aud":"b","exp":1800000600}}"#);
        let token = unsigned(r#"{"alg":"RS256"}"#, &payload);
        let bearer = format!("Bearer {token}");
        let fields = [
            ("authorization", bearer.as_str()),
            ("cookie", alice.as_str()),
        ];
        let is_allowed = matches!(
            test.evaluate(ALERTS, &fields),
            Summary::Decided(Reason::Rule, ..)
        );
        assert!(!is_allowed, "{issuer}");
    }
    // A session token as a bearer token is one of a known issuer too.
    let (reason, _) = evaluated(&mut test, ALERTS, &session(), &alice);
    assert_ne!(reason, Reason::Rule);
}

#[test]
fn public_and_preflight_requests_forward_no_token() {
    let mut test = gate();
    let alice = cookie(&session());
    let public = "GET alertmanager.example.com /-/healthy";
    let evaluated = evaluated(&mut test, public, "glsa_opaque", &alice);
    assert_eq!(evaluated, (Reason::Public, false));
}

#[test]
fn the_session_needs_the_same_origin_beside_a_token_too() {
    let mut test = gate();
    let alice = cookie(&session());
    let fields = [
        ("authorization", "Bearer glsa_opaque"),
        ("cookie", alice.as_str()),
        ("sec-fetch-site", "cross-site"),
    ];
    let post = "POST alertmanager.example.com /api/v2/silences";
    assert_eq!(
        decision(&mut test, post, &fields).reason(),
        Reason::CrossSite
    );
}
