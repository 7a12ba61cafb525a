use std::sync::Arc;

use super::Recorded;
use crate::caller::AuthenticatedCaller;
use crate::decision::Decision;
use crate::fixtures::{key_set, token};
use crate::json::Json;
use crate::keys::PureRust;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::{Ambiguity, Headers};
use crate::timestamp::Timestamp;
use crate::token::{Algorithm, Token, verify};

const POLICY: &str = r#"{
  "trust": [{"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
             "audiences": ["a"], "keys": {"envoy_cluster": "gitlab"}}],
  "apps": [{"name": "one", "hosts": ["app.example.com"], "rules": [
    {"name": "sre", "allow": [{"from": "gitlab", "group": "dev"}, {"from": "gitlab", "group": "sre"}]}]}]
}"#;

/// The record of a decision by this policy on a request for this path.
fn record_by(policy: &Policy, decision: &Decision<'_>, path: &[u8]) -> (String, Json) {
    let fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":authority", b"app.example.com"),
        (b":path", path),
        (b"authorization", b"Bearer eyJhbGciOi"),
    ];
    let recorded = Recorded {
        policy,
        time: Timestamp::from_millis(1_800_000_000_042),
        client: Some("192.0.2.7"),
    };
    let line = decision.audit_record(&Headers::new(fields), recorded);
    let json = Json::parse(line.as_bytes()).unwrap();
    (line, json)
}

fn record(decision: &Decision<'_>, path: &[u8]) -> (String, Json) {
    record_by(&Policy::from_json(POLICY).unwrap(), decision, path)
}

/// The record of a request that a rule allows, by the policy with these members more.
fn allowed(members: &str) -> (String, Json) {
    let apps = format!(r#"{members}"apps": ["#);
    let policy = Policy::from_json(&POLICY.replace(r#""apps": ["#, &apps)).unwrap();
    let payload = r#"{"iss":"https://gitlab.example.com","aud":"a","sub":"4711","iat":1000,"exp":2000,
        "email":"ada@example.com","email_verified":true,"preferred_username":"ada","groups":["sre"]}"#;
    let text = token(Algorithm::Es256, r#"{"alg":"ES256","kid":"a"}"#, payload);
    let (trust, set) = (&policy.trusts()[0], key_set(Algorithm::Es256, "a"));
    let token = Arc::new(Token::parse(&text).unwrap());
    let now = Timestamp::from_secs(1500);
    let verified = verify(&token, trust, &set.keys()[0], &PureRust, now).unwrap();
    let caller = AuthenticatedCaller::new(verified, trust).unwrap();
    let app = &policy.apps()[0];
    let decision = Decision {
        app: Some(app),
        rule: app.rule_for("GET", "/", caller.caller()),
        authenticated: Some(Arc::new(caller)),
        ..Decision::new(Reason::Rule)
    };
    record_by(&policy, &decision, b"/")
}

fn text<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.member(name).and_then(Json::as_str)
}

#[test]
fn a_record_is_one_line_with_the_request_and_the_decision() {
    let (line, json) = record(&Decision::new(Reason::AppUnknown), b"/api?token=s3cret");
    let text = |name| json.member(name).and_then(Json::as_str);
    assert_eq!(text("time"), Some("2027-01-15T08:00:00.042Z"));
    assert_eq!(text("client"), Some("192.0.2.7"));
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

#[test]
fn a_record_names_the_version_of_the_policy_and_the_entry_that_lists_the_caller() {
    let policy = Policy::from_json(POLICY).unwrap();
    let (_, json) = allowed("");
    assert_eq!(text(&json, "rule"), Some("sre"));
    assert_eq!(text(&json, "allow"), Some("allow[1]"));
    let digest = policy.digest().to_string();
    assert_eq!(text(&json, "policy"), Some(digest.as_str()));
    assert_eq!(json.member("revision"), None);

    let (_, json) = allowed(r#""revision": "4f2c91a", "#);
    assert_eq!(text(&json, "revision"), Some("4f2c91a"));
    // Another document, so another digest.
    assert_ne!(text(&json, "policy"), Some(digest.as_str()));
    let (_, json) = record(&Decision::new(Reason::AppUnknown), b"/");
    assert_eq!(json.member("allow"), None);
}

#[test]
fn a_record_has_no_personal_data_but_the_subject_unless_the_policy_lists_it() {
    for (people, email, username) in [
        ("", false, false),
        (r#""audit": {"people": []}, "#, false, false),
        (r#""audit": {"people": ["email"]}, "#, true, false),
        (
            r#""audit": {"people": ["preferred_username"]}, "#,
            false,
            true,
        ),
        (
            r#""audit": {"people": ["preferred_username", "email"]}, "#,
            true,
            true,
        ),
    ] {
        let (line, json) = allowed(people);
        assert_eq!(text(&json, "caller"), Some("gitlab/4711"));
        assert_eq!(text(&json, "email"), email.then_some("ada@example.com"));
        assert_eq!(text(&json, "preferred_username"), username.then_some("ada"));
        assert_eq!(line.contains("ada@"), email, "{line}");
        assert_eq!(line.contains(r#""ada""#), username, "{line}");
        assert!(!line.contains(r#"["sre"]"#));
    }
}
