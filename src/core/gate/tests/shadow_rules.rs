//! Rules that are evaluated beside those of an app and never enforced.

use super::users::*;
use super::*;
use crate::decision::ShadowOutcome;

const SHADOW: &str = r#""shadow_rules": [
    {"name": "api", "paths": ["/api/**"], "methods": ["GET"], "allow": [{"from": "sso", "group": "sre"}]},
    {"name": "everyone", "paths": ["/mail"], "allow": [{"from": "sso", "anyone": true}]},
    {"name": "healthy", "paths": ["/-/healthy"], "allow": [{"from": "sso", "anyone": true}]},
    {"name": "ready", "paths": ["/-/ready"], "public": true}], "rules": ["#;

fn gate() -> TestGate {
    let mut test = TestGate::of(&USERS.replacen(r#""rules": ["#, SHADOW, 1));
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    test
}

/// The reason of the rules, and what the shadow rules say if it differs, with the rule.
fn judged(
    request: &str,
    fields: &[(&str, &str)],
) -> (Reason, Option<(bool, ShadowOutcome, Option<String>)>) {
    let mut test = gate();
    let decision = decision(&mut test, request, fields);
    let shadow = decision.shadow().map(|shadow| {
        let rule = shadow.rule.map(|rule| rule.name().to_owned());
        (shadow.is_allowed_by_rules, shadow.outcome, rule)
    });
    (decision.reason(), shadow)
}

#[test]
fn shadow_rules_are_never_enforced_and_differences_are_said() {
    let alice = cookie(&session());
    let bob = cookie(&session_with(&[
        ("groups", "[]"),
        ("email", "\"bob@example.com\""),
    ]));
    let karma = format!(
        "Bearer {}",
        karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600)
    );
    let allowed = |rule: &str| Some((false, ShadowOutcome::Allowed, Some(rule.to_owned())));
    let refused = Some((true, ShadowOutcome::Refused, None));
    let post = "POST alertmanager.example.com /api/v2/silences";
    let mail = "GET alertmanager.example.com /mail";
    let ready = "GET alertmanager.example.com /-/ready";
    for (request, fields, reason, shadow) in [
        (ALERTS, ("cookie", &*alice), Reason::Rule, None),
        (post, ("cookie", &alice), Reason::Rule, refused.clone()),
        (ALERTS, ("cookie", &bob), Reason::CallerNotAllowed, None),
        (
            mail,
            ("cookie", &bob),
            Reason::CallerNotAllowed,
            allowed("everyone"),
        ),
        (ALERTS, ("authorization", &karma), Reason::Rule, refused),
        (ALERTS, ("accept", "*/*"), Reason::NoCredentials, None),
        (
            ready,
            ("accept", "*/*"),
            Reason::NoCredentials,
            allowed("ready"),
        ),
        (
            ready,
            ("authorization", "Bearer a.b.c"),
            Reason::TokenMalformed,
            allowed("ready"),
        ),
        (
            ready,
            ("authorization", "Bearer"),
            Reason::AuthorizationMalformed,
            None,
        ),
    ] {
        assert_eq!(
            judged(request, &[fields]),
            (reason, shadow),
            "{request} {fields:?}"
        );
    }
    let cross_site = [("cookie", &*alice), ("sec-fetch-site", "cross-site")];
    assert_eq!(judged(post, &cross_site), (Reason::CrossSite, None));
}

/// The rules of the app need no caller there, so no token is verified for the shadow rules.
#[test]
fn what_depends_on_a_caller_that_the_rules_do_not_need_is_unknown() {
    let healthy = "GET alertmanager.example.com /-/healthy";
    let unknown = Some((true, ShadowOutcome::Unknown, None));
    for fields in [
        ("cookie", "__Secure-portcullis=x"),
        ("authorization", "Bearer a.b.c"),
    ] {
        assert_eq!(
            judged(healthy, &[fields]),
            (Reason::Public, unknown.clone())
        );
    }
    let refused = Some((true, ShadowOutcome::Refused, None));
    for fields in [
        ("cookie", "theme=dark"),
        ("authorization", "Basic YTpi"),
        ("authorization", "Bearer"),
    ] {
        assert_eq!(
            judged(healthy, &[fields]),
            (Reason::Public, refused.clone()),
            "{fields:?}"
        );
    }
}

#[test]
fn requests_that_no_rule_decides_have_no_shadow() {
    let preflight = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
    ];
    let request = "OPTIONS alertmanager.example.com /-/ready";
    assert_eq!(judged(request, &preflight), (Reason::Preflight, None));
    for (request, reason) in [
        ("GET auth.example.com /oauth2/start", Reason::Companion),
        ("GET unknown.example.org /-/ready", Reason::AppUnknown),
        (
            "GET alertmanager.example.com //-/ready",
            Reason::RequestAmbiguous,
        ),
    ] {
        assert_eq!(judged(request, &[]), (reason, None));
    }
}

#[test]
fn the_audit_record_has_the_shadow_rule_and_what_is_unknown_is_no_refusal() {
    let mut test = gate();
    let bob = cookie(&session_with(&[
        ("groups", "[]"),
        ("email", "\"bob@example.com\""),
    ]));
    let fields = [("cookie", &*bob)];
    let mail = "GET alertmanager.example.com /mail";
    let record = audit_record(&decision(&mut test, mail, &fields), mail, &fields);
    assert!(
        record.contains(r#""shadow":"allowed","shadow_rule":"everyone""#),
        "{record}"
    );
    let healthy = "GET alertmanager.example.com /-/healthy";
    let headers = headers(healthy, &fields);
    let policy = test.gate.policy().clone();
    let outcome = decision(&mut test, healthy, &fields).outcome(&headers, &policy, START);
    assert_eq!(outcome.verdict().audit_level(), policy.audit().level(true));
}

/// With `report_until`, what would be enforced is compared.
#[test]
fn a_refusal_that_is_only_reported_is_compared_as_a_refusal() {
    let until = r#""name": "alertmanager", "report_until": "2027-01-15T08:01:40Z","#;
    let policy = USERS.replacen(r#""rules": ["#, SHADOW, 1);
    let mut test = TestGate::of(&policy.replacen(r#""name": "alertmanager","#, until, 1));
    let request = "GET alertmanager.example.com /-/ready";
    let decision = decision(&mut test, request, &[]);
    assert_eq!(decision.reason(), Reason::ReportOnly);
    let shadow = decision.shadow().unwrap();
    assert!(!shadow.is_allowed_by_rules);
    assert_eq!(shadow.outcome, ShadowOutcome::Allowed);
}
