use super::*;
use crate::trust::{KeyEndpoint, Kind};

mod bad_apps;
mod bad_audit;
mod bad_keys;
mod bad_refused_callers;
mod bad_rules;
mod bad_sso;
mod bad_trusts;
mod bad_ungated;

/// A minimal valid policy; tests change one part of it.
pub(super) const WHOLE: &str = r#"{
  "trust": [
    {"name": "staging", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
     "audiences": ["portcullis"], "keys": {"envoy_cluster": "k8s-staging"}},
    {"name": "gitlab", "kind": "oidc", "issuer": "https://gitlab.example.com",
     "audiences": ["tools"], "keys": {"envoy_cluster": "gitlab"}}
  ],
  "apps": [
    {"name": "alertmanager", "hosts": ["alertmanager.example.com"],
     "rules": [
       {"name": "polls", "methods": ["GET"], "paths": ["/api/v2/**"],
        "allow": [{"service_account": "staging/monitoring/karma"}]},
       {"name": "probes", "paths": ["/-/healthy"], "public": true}
     ]}
  ]
}"#;

/// The whole policy with one piece of its text replaced.
pub(super) fn with(piece: &str, other: &str) -> String {
    assert_eq!(WHOLE.matches(piece).count(), 1, "{piece} occurs once");
    WHOLE.replace(piece, other)
}

/// The error of a text, which must have one.
pub(super) fn error(text: &str) -> PolicyError {
    Policy::from_json(text).expect_err("an invalid policy")
}

/// Proves that one replaced piece is refused at a location, with a problem and a help text.
#[track_caller]
fn refused(piece: &str, other: &str, path: &str, problem: &str, help: &str) {
    let error = error(&with(piece, other));
    assert_eq!(error.path(), path, "{error}");
    assert!(error.problem().contains(problem), "{error}");
    assert!(error.help().contains(help), "{error}");
}

/// The policy with one piece replaced, which must still be valid.
#[track_caller]
fn accepted(piece: &str, other: &str) -> Policy {
    Policy::from_json(&with(piece, other)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let policy = Policy::from_json(WHOLE).unwrap();
    assert_eq!(policy.max_token(), 16_384);
    assert_eq!(policy.audit().level(true), Some(Level::Info));
    assert_eq!(policy.audit().level(false), Some(Level::Warn));

    let trust = policy.trust("staging").unwrap();
    assert_eq!(trust.kind, Kind::Kubernetes);
    assert_eq!(trust.leeway.as_secs(), 30);
    assert_eq!(trust.max_lifetime.as_secs(), 24 * 3600);
    assert!(trust.algorithms.is_none());
    let remote = trust.keys.remote.as_ref().unwrap();
    assert_eq!(remote.refresh.as_secs(), 300);
    assert_eq!(remote.max_stale.as_secs(), 24 * 3600);
    let KeyEndpoint::Discovery(url) = &remote.endpoint else {
        panic!("{:?}", remote.endpoint);
    };
    assert_eq!(
        url.to_string(),
        "https://kubernetes.example.com/.well-known/openid-configuration"
    );
    let claims = &policy.trust("gitlab").unwrap().claims;
    assert_eq!(claims.groups, ["groups"]);
    assert_eq!(claims.email, ["email"]);
    assert_eq!(claims.preferred_username, ["preferred_username"]);

    let app = policy.app_for("alertmanager.example.com").unwrap();
    assert!(app.preflight());
    assert!(!app.forward_authorization());
    assert!(app.audiences().is_empty() && app.origins().is_empty());
    assert!(app.strip_headers().is_empty());
    assert_eq!(app.rules()[1].methods(), ["GET", "HEAD"]);
}

#[test]
fn every_field_is_read() {
    let text = r#"{
      "trust": [
        {"name": "blue", "kind": "kubernetes",
         "issuer": "https://kubernetes.default.svc.cluster.local/",
         "former_issuers": ["https://kubernetes.default.svc"], "audiences": ["portcullis", "gate"],
         "keys": {"envoy_cluster": "k8s", "jwks": "https://10.0.0.1:6443/openid/v1/jwks",
                  "refresh": "10s", "max_stale": "1h", "refuse_kids": ["old"], "pins": []},
         "algorithms": ["RS256", "EdDSA", "Ed25519"], "leeway": "0s", "max_lifetime": "1h"},
        {"name": "green", "kind": "kubernetes", "issuer": "https://kubernetes.default.svc",
         "audiences": ["portcullis"], "keys": {"envoy_cluster": "companion", "mirror": true}},
        {"name": "idp", "kind": "oidc", "issuer": "https://idp.example.com",
         "audiences": ["https://idp.example.com"],
         "keys": {"envoy_cluster": "idp", "discovery": "https://idp.internal/discovery"},
         "claims": {"groups": ["realm_access", "roles"], "email": "mail"}}
      ],
      "apps": [
        {"name": "web", "hosts": ["Web.Example.com", "*.web.example.com"], "audiences": ["web"],
         "origins": ["https://Other.example.com:443", "http://localhost:3000"],
         "forward_authorization": true, "strip_headers": ["X-WebAuth-User"], "preflight": false,
         "identity_headers": {"X-User": "preferred_username"}, "contact": "Web team", "report_until": "2027-01-31T00:00:00Z",
         "shadow_rules": [{"name": "all", "allow": [{"from": "idp", "anyone": true}]}],
         "rules": [
           {"name": "all", "allow": [
             {"service_account": "*/monitoring/*"},
             {"from": "blue", "service_account": "blue/*/karma"},
             {"from": "blue", "anyone": true},
             {"from": "idp", "user": "4711", "email": "A@example.com"},
             {"from": "idp", "email_domain": "example.com", "group": "sre"},
             {"from": "idp", "claim": {"path": ["a", "b"], "equals": 1.5}}
           ]},
           {"name": "open", "public": true, "paths": ["/**"], "methods": ["POST", "M-SEARCH"]}
         ]}
      ],
      "audit": {"allowed": "off", "refused": "error"},
      "max_token": 8192.0
    }"#;
    let policy = Policy::from_json(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(policy.max_token(), 8192);
    assert_eq!(policy.audit().level(true), None);
    assert_eq!(policy.audit().level(false), Some(Level::Error));

    let blue = &policy.trusts()[0];
    assert!(blue.accepts_issuer("https://kubernetes.default.svc"));
    assert!(!blue.accepts_issuer("https://kubernetes.default.svc.cluster.local"));
    assert_eq!(blue.algorithms.as_ref().unwrap().len(), 3);
    assert_eq!(blue.keys.refuse_kids, ["old"]);
    let endpoint = |index: usize| {
        let remote = policy.trusts()[index].keys.remote.as_ref().unwrap();
        remote.endpoint.clone()
    };
    assert!(matches!(endpoint(0), KeyEndpoint::Jwks(url) if url.authority() == "10.0.0.1:6443"));
    assert_eq!(endpoint(1), KeyEndpoint::Mirror);
    assert!(matches!(endpoint(2), KeyEndpoint::Discovery(url) if url.path() == "/discovery"));
    assert_eq!(policy.trusts()[2].claims.groups, ["realm_access", "roles"]);
    assert_eq!(policy.trusts()[2].claims.email, ["mail"]);

    let app = policy.app_for("a.web.example.com").unwrap();
    assert_eq!(app.name(), "web");
    assert_eq!(app.audiences(), ["web"]);
    let origins: Vec<&str> = app.origins().iter().map(Origin::as_str).collect();
    assert_eq!(
        origins,
        ["https://other.example.com", "http://localhost:3000"]
    );
    assert!(app.forward_authorization() && !app.preflight());
    assert_eq!(app.strip_headers(), ["x-webauth-user", "x-user"]);
    assert_eq!(app.identity_headers().len(), 1);
    assert_eq!(app.contact(), Some("Web team"));
    assert_eq!(app.report_until().unwrap().time.secs(), 1_801_353_600);
    assert_eq!(app.shadow_rules()[0].allow().len(), 1);
    assert_eq!(app.rules()[0].allow().len(), 6);
    assert_eq!(app.rules()[1].methods(), ["POST", "M-SEARCH"]);
}

#[test]
fn d01_discovery_drops_one_trailing_slash_of_the_issuer() {
    let policy = accepted(
        "https://gitlab.example.com",
        "https://gitlab.example.com/a//",
    );
    let trust = policy.trust("gitlab").unwrap();
    assert_eq!(trust.issuer, "https://gitlab.example.com/a//");
    let Some(KeyEndpoint::Discovery(url)) = trust.keys.remote.as_ref().map(|keys| &keys.endpoint)
    else {
        panic!("no discovery");
    };
    assert_eq!(url.path(), "/a//.well-known/openid-configuration");
}

#[test]
fn audit_levels_are_known_by_name() {
    let add = |audit: &str| format!(r#""audit": {audit}, "apps": ["#);
    let policy = accepted(r#""apps": ["#, &add(r#"{"allowed": "debug"}"#));
    assert_eq!(policy.audit().level(true), Some(Level::Debug));
    assert_eq!(policy.audit().level(false), Some(Level::Warn));
    refused(
        r#""apps": ["#,
        &add(r#"{"refused": "loud"}"#),
        "audit.refused",
        "`loud` is not a log level",
        "debug, info, warn, error or off",
    );
}

#[test]
fn max_token_has_bounds() {
    let add = |bytes: &str| format!(r#""max_token": {bytes}, "apps": ["#);
    for bytes in ["1024", "65536", "16384.0", "1.6384e4"] {
        accepted(r#""apps": ["#, &add(bytes));
    }
    for bytes in ["1023", "65537", "16384.5", "-1", "0", "1e300"] {
        refused(
            r#""apps": ["#,
            &add(bytes),
            "max_token",
            "the value is not a whole number from 1024 to 65536",
            "the default is 16384",
        );
    }
}

#[test]
fn an_error_has_path_problem_and_help_in_one_line() {
    let text = with(
        r#""service_account": "staging/monitoring/karma""#,
        r#""gruop": "sre""#,
    );
    assert_eq!(
        error(&text).to_string(),
        "apps[0].rules[0].allow[0].gruop: unknown field `gruop`; help: did you mean `group`?"
    );
}

/// A policy of this many apps, each with ten rules.
fn large(apps: usize) -> String {
    let rule = |number: usize| {
        format!(
            r#"{{"name": "rule-{number}", "methods": ["GET"], "paths": ["/api/v{number}/**"],
                "allow": [{{"service_account": "staging/team-{number}/karma"}}]}}"#
        )
    };
    let rules = (0..10).map(rule).collect::<Vec<_>>().join(",");
    let app = |number: usize| {
        format!(
            r#"{{"name": "app-{number}", "hosts": ["app-{number}.example.com"], "rules": [{rules}]}}"#
        )
    };
    let apps = (0..apps).map(app).collect::<Vec<_>>().join(",");
    let trust = r#"{"name": "staging", "kind": "kubernetes", "issuer": "https://kubernetes.example.com",
        "audiences": ["portcullis"], "keys": {"envoy_cluster": "staging"}}"#;
    format!(r#"{{"trust": [{trust}], "apps": [{apps}]}}"#)
}

#[test]
fn five_thousand_apps_of_ten_rules_are_a_valid_policy() {
    let policy = Policy::from_json(&large(5000)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(policy.apps().len(), 5000);
    let app = policy.app_for("app-4999.example.com").unwrap();
    assert_eq!((app.name(), app.rules().len()), ("app-4999", 10));
    let twice = large(2).replace("app-1\"", "app-0\"");
    let error = error(&twice);
    assert_eq!(error.path(), "apps[1].name");
    assert!(
        error.problem().contains("duplicate name `app-0`"),
        "{error}"
    );
}
