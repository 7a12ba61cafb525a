use std::sync::Arc;

use super::*;
use crate::fixtures::{key_set, token};
use crate::keys::PureRust;
use crate::policy::Policy;
use crate::timestamp::Timestamp;
use crate::token::{Algorithm, Token, verify};

const POLICY: &str = r#"{
  "trust": [
    {"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com",
     "audiences": ["portcullis"], "keys": {"envoy_cluster": "blue"}},
    {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
     "audiences": ["portcullis"], "keys": {"envoy_cluster": "gitlab"},
     "claims": {"groups": ["access", "groups"]}}
  ],
  "apps": [{"name": "app", "hosts": ["app.example.com"], "strip_headers": ["x-webauth-user"],
    "rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]},
    {"name": "open", "hosts": ["open.example.com"], "forward_authorization": true,
    "rules": [{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]}]
}"#;

/// The caller of a token of the trust entry at this index, with these claims in addition to the usual ones.
fn caller(place: usize, claims: &str) -> Result<Caller, TokenError> {
    caller_by(POLICY, place, claims)
}

fn caller_by(policy: &str, place: usize, claims: &str) -> Result<Caller, TokenError> {
    let policy = Policy::from_json(policy).unwrap();
    let trust = &policy.trusts()[place];
    let payload = format!(
        r#"{{"iss":"{}","aud":"portcullis","exp":2000,"iat":1000,{claims}}}"#,
        trust.issuer
    );
    let text = token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"a"}"#, &payload);
    let token = Arc::new(Token::parse(&text).unwrap());
    let keys = key_set(Algorithm::EdDsa, "a");
    let now = Timestamp::from_secs(1500);
    Caller::of(
        &verify(&token, trust, &keys.keys()[0], &PureRust, now)?,
        trust,
    )
}

fn service_account(subject: &str, namespace: &str, name: &str) -> Result<Caller, TokenError> {
    caller(
        0,
        &format!(
            r#""sub":"{subject}","email":"a@example.com","email_verified":true,"groups":["sre"],
               "kubernetes.io":{{"namespace":"{namespace}","serviceaccount":{{"name":"{name}","uid":"1"}}}}"#
        ),
    )
}

#[test]
fn k02_a_service_account_is_named_by_its_trust_entry_namespace_and_name() {
    let caller = service_account(
        "system:serviceaccount:monitoring:karma",
        "monitoring",
        "karma",
    )
    .unwrap();
    assert_eq!(caller.name(), "blue/monitoring/karma");
    assert_eq!(
        caller.identity_headers(0),
        [
            ("x-auth-request-user", "blue/monitoring/karma".to_owned()),
            ("x-portcullis-caller", "blue/monitoring/karma".to_owned()),
        ],
        "a Kubernetes token gives no e-mail address and no groups"
    );
}

#[test]
fn k03_a_subject_that_contradicts_the_bound_claims_is_invalid() {
    for (subject, namespace, name) in [
        (
            "system:serviceaccount:monitoring:karma",
            "monitoring",
            "other",
        ),
        ("system:serviceaccount:monitoring:karma", "other", "karma"),
        (
            "system:serviceaccount:monitoring:karma:x",
            "monitoring",
            "karma:x",
        ),
        (
            "system:serviceaccount:monitoring/a:karma",
            "monitoring/a",
            "karma",
        ),
        ("system:serviceaccount::karma", "", "karma"),
        (
            "system:serviceaccount:Monitoring:karma",
            "Monitoring",
            "karma",
        ),
        ("system:serviceaccount:*:*", "*", "*"),
        ("system:serviceaccount:-a:b", "-a", "b"),
        ("karma", "monitoring", "karma"),
        ("system:node:karma", "monitoring", "karma"),
    ] {
        let caller = service_account(subject, namespace, name);
        assert_eq!(
            caller.unwrap_err(),
            TokenError::SubjectMismatch,
            "{subject}"
        );
    }
    let unbound = caller(0, r#""sub":"system:serviceaccount:monitoring:karma""#);
    assert_eq!(unbound.unwrap_err(), TokenError::SubjectMismatch);
}

#[test]
fn no_subject_can_look_like_a_service_account() {
    for (subject, name) in [
        ("alice", "gitlab/alice"),
        ("monitoring/karma", "gitlab/monitoring%2Fkarma"),
        ("a b%2Fc", "gitlab/a%20b%252Fc"),
        ("\\u00e9", "gitlab/%C3%A9"),
    ] {
        assert_eq!(
            caller(1, &format!(r#""sub":"{subject}""#)).unwrap().name(),
            name
        );
    }
}

#[test]
fn r09_an_email_address_counts_only_where_it_is_verified() {
    let email = |claims: &str| caller(1, &format!(r#""sub":"a",{claims}"#)).unwrap().email;
    let address = r#""email":"a@example.com""#;
    assert_eq!(
        email(&format!(r#"{address},"email_verified":true"#)).as_deref(),
        Some("a@example.com")
    );
    assert_eq!(email(address), None);
    assert_eq!(email(&format!(r#"{address},"email_verified":false"#)), None);
    // Some providers write booleans as strings.
    assert_eq!(
        email(&format!(r#"{address},"email_verified":"true""#)).as_deref(),
        Some("a@example.com")
    );
    for other in [
        r#""false""#,
        r#""True""#,
        r#""1""#,
        r#""""#,
        "1",
        "null",
        "[true]",
    ] {
        let claims = format!(r#"{address},"email_verified":{other}"#);
        assert_eq!(email(&claims), None, "{other}");
    }
    assert_eq!(
        email(r#""email":["a@example.com"],"email_verified":true"#),
        None
    );
}

#[test]
fn an_unverified_email_address_counts_with_trust_unverified_email() {
    let member = r#""trust_unverified_email": true, "claims""#;
    let policy = POLICY.replace(r#""claims""#, member);
    for claims in [
        r#""email":"a@example.com""#,
        r#""email":"a@example.com","email_verified":false"#,
        r#""email":"a@example.com","email_verified":"no""#,
    ] {
        let claims = format!(r#""sub":"a",{claims}"#);
        let caller = caller_by(&policy, 1, &claims).unwrap();
        assert_eq!(caller.email(), Some("a@example.com"), "{claims}");
    }
    for claims in [r#""email":"""#, r#""email":7"#, r#""mail":"a@example.com""#] {
        let caller = caller_by(&policy, 1, &format!(r#""sub":"a",{claims}"#)).unwrap();
        assert_eq!(caller.email(), None, "{claims}");
    }
}

#[test]
fn groups_are_a_list_of_strings_or_one_string_at_the_path_of_the_policy() {
    let groups = |claim: &str| {
        caller(1, &format!(r#""sub":"a","access":{claim}"#))
            .unwrap()
            .groups
    };
    assert_eq!(groups(r#"{"groups":["a","b"]}"#), ["a", "b"]);
    assert_eq!(groups(r#"{"groups":"a,b"}"#), ["a,b"]);
    assert_eq!(groups(r#"{"groups":["a",1,null,["b"],""]}"#), ["a"]);
    assert!(groups(r#"{"groups":{"a":true}}"#).is_empty());
    assert!(groups(r#"["a"]"#).is_empty());
}

#[test]
fn h07_claims_are_encoded_in_headers() {
    let caller = caller(
        1,
        r#""sub":"a","email":"a@example.com\r\nx: y","email_verified":true,
           "preferred_username":"Zo\u00eb, 100%","access":{"groups":["a,admin","b%2Cc","\u0000"]}"#,
    );
    let headers = caller.unwrap().identity_headers(0);
    assert_eq!(
        headers[2],
        (
            "x-auth-request-email",
            "a@example.com%0D%0Ax:%20y".to_owned()
        )
    );
    assert_eq!(
        headers[3],
        ("x-auth-request-groups", "a%2Cadmin,b%252Cc,%00".to_owned())
    );
    let name = "Zo%C3%AB,%20100%25".to_owned();
    assert_eq!(headers[4], ("x-auth-request-preferred-username", name));
}
