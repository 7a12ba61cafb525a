//! Paths with encoded separators, and apps that read them literally.

use super::users::*;
use super::*;

const PASS: &str = r#"{
  "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
  "apps": [
    {"name": "rabbitmq", "hosts": ["rabbitmq.example.com"], "encoded_paths": "pass", "rules": [
      {"name": "operators", "allow": [{"from": "sso", "group": "sre"}]},
      {"name": "probes", "paths": ["/health/**", "/*"], "public": true}]},
    {"name": "prometheus", "hosts": ["prometheus.example.com"], "rules": [
      {"name": "operators", "allow": [{"from": "sso", "group": "sre"}]},
      {"name": "probes", "paths": ["/health/**"], "public": true}]}
  ]
}"#;

fn reason_of(request: &str, cookies: &str) -> (Reason, Option<Ambiguity>) {
    let mut test = TestGate::of(PASS);
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    let decision = decision(&mut test, request, &[("cookie", cookies)]);
    (decision.reason(), decision.ambiguity)
}

#[test]
fn encoded_separators_pass_only_for_apps_that_read_them() {
    let cookie = cookie(&session());
    for path in [
        "/api/queues/%2F/q",
        "/api/%5C",
        "/a%3Bb",
        "/a%3fb",
        "/a%23b",
    ] {
        let request = format!("GET rabbitmq.example.com {path}");
        assert_eq!(reason_of(&request, &cookie), (Reason::Rule, None), "{path}");
        let ambiguous = (Reason::RequestAmbiguous, Some(Ambiguity::PathEncoding));
        for host in [
            "prometheus.example.com",
            "auth.example.com",
            "unknown.example.com",
        ] {
            let request = format!("GET {host} {path}");
            assert_eq!(reason_of(&request, &cookie), ambiguous, "{host} {path}");
        }
    }
}

#[test]
fn dot_segments_and_controls_are_refused_in_any_encoding() {
    let cookie = cookie(&session());
    for path in [
        "/a%2F..%2Fb",
        "/..%2Fb",
        "/a%5C..",
        "/..%3Bx/b",
        "/%2e%2e%2Fb",
        "/a%00",
        "/a%2F%0d%0a",
        "/a%252Fb",
        "/a\\b",
        "/a;b",
    ] {
        let request = format!("GET rabbitmq.example.com {path}");
        let (reason, _) = reason_of(&request, &cookie);
        assert_eq!(reason, Reason::RequestAmbiguous, "{path}");
    }
}

#[test]
fn an_encoded_separator_matches_no_public_rule() {
    for path in ["/health/%2F", "/%2Fhealth", "/health%2Fx", "/a%3Fb"] {
        let request = format!("GET rabbitmq.example.com {path}");
        assert_eq!(
            reason_of(&request, ""),
            (Reason::NoCredentials, None),
            "{path}"
        );
    }
    let plain = "GET rabbitmq.example.com /health/a%20b";
    assert_eq!(reason_of(plain, ""), (Reason::Public, None));
}
