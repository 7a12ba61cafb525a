//! Callers that the policy lists in `refuse_callers`.

use super::users::*;
use super::*;

const POST: &str = "POST alertmanager.example.com /api/v2/silences";

/// The policy of [`USERS`] with these callers refused, and with more members of its app.
fn refusing(callers: &str, of_app: &str) -> TestGate {
    let apps = format!(r#""refuse_callers": {callers}, "apps": ["#);
    let app = format!(r#""name": "alertmanager", {of_app}"#);
    let policy = USERS.replacen(r#""apps": ["#, &apps, 1);
    let policy = policy.replacen(r#""name": "alertmanager","#, &app, 1);
    let mut test = TestGate::of(&policy);
    test.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    test.fetch(COMPANION, Some(&[(Algorithm::Es256, KID)]));
    test
}

const BOTH: &str = r#"["blue/monitoring/karma", "sso/4711"]"#;

fn bearer(audience: &str) -> String {
    let token = karma(Algorithm::EdDsa, Some("blue-1"), audience, 600);
    format!("Bearer {token}")
}

fn refused_caller(name: &str) -> Summary {
    decided(Reason::CallerRefused, None, name)
}

#[test]
fn a_listed_caller_is_refused_whatever_the_rules_say() {
    let bearer = bearer("portcullis");
    let bearer = [("authorization", &*bearer)];
    let mut test = refusing(BOTH, "");
    for request in [ALERTS, POST] {
        let summary = test.evaluate(request, &bearer);
        assert_eq!(
            summary,
            refused_caller("blue/monitoring/karma"),
            "{request}"
        );
    }
    assert_eq!(test.with_token(&session()), refused_caller(ALICE));
    // Another subject, another provider, and a public rule.
    for (claim, reason) in [
        (("sub", "\"4712\""), Reason::Rule),
        (("idp", "\"github\""), Reason::CallerNotAllowed),
    ] {
        let other = test.with_token(&session_with(&[claim]));
        assert!(
            matches!(&other, Summary::Decided(own, ..) if *own == reason),
            "{other:?}"
        );
    }
    let probe = test.evaluate("GET alertmanager.example.com /-/healthy", &bearer);
    assert_eq!(
        probe,
        Summary::Decided(Reason::Public, Some("probes".to_owned()), None)
    );

    let mut test = refusing("[]", "");
    assert_eq!(test.with_token(&session()), operator());
}

/// Refusals that `report_until` would forward must not hide that the caller is listed, and an expired session is not
/// refreshed for it.
#[test]
fn a_listed_caller_is_refused_before_any_other_check_of_its_request() {
    let mut test = refusing(BOTH, "");
    let elsewhere = format!(
        "Bearer {}",
        karma(Algorithm::EdDsa, Some("blue-1"), "portcullis", 600)
    );
    let own = USERS.replacen(
        r#""audiences": ["portcullis"],
     "origins""#,
        r#""audiences": ["own"], "origins""#,
        1,
    );
    assert_ne!(own, USERS);
    let own = own.replacen(
        r#""apps": ["#,
        &format!(r#""refuse_callers": {BOTH}, "apps": ["#),
        1,
    );
    let mut for_another_app = TestGate::of(&own);
    for_another_app.fetch(trust(0), Some(&[(Algorithm::EdDsa, "blue-1")]));
    assert_eq!(
        for_another_app.evaluate(ALERTS, &[("authorization", &elsewhere)]),
        refused_caller("blue/monitoring/karma")
    );

    let cookies = cookie(&session());
    let cross_site = [("cookie", &*cookies), ("sec-fetch-site", "cross-site")];
    assert_eq!(test.evaluate(POST, &cross_site), refused_caller(ALICE));

    test.wait(300);
    let sealed = format!("{cookies}; __Secure-portcullis-session=sealed");
    assert_eq!(test.with_cookies(&sealed), refused_caller(ALICE));
}

#[test]
fn a_listed_caller_is_refused_where_refusals_are_only_reported() {
    let open = r#""report_until": "2027-01-31T00:00:00Z","#;
    let mut test = refusing(BOTH, open);
    let bearer = bearer("portcullis");
    let bearer = [("authorization", &*bearer)];
    for request in [ALERTS, POST] {
        let decision = decision(&mut test, request, &bearer);
        assert_eq!(decision.reason(), Reason::CallerRefused, "{request}");
        assert_eq!(decision.reported(), None);
        assert!(!decision.is_allowed());
    }
    assert_eq!(test.with_token(&session()), refused_caller(ALICE));
    assert_eq!(test.evaluate(ALERTS, &[]), refused(Reason::ReportOnly));
}

/// A public shadow rule would allow the request before its caller counts, and no other can.
#[test]
fn shadow_rules_allow_no_listed_caller_unless_they_are_public() {
    for (access, differs) in [
        (r#""allow": [{"service_account": "blue/*/*"}]"#, false),
        (r#""public": true"#, true),
    ] {
        let shadow = format!(r#""shadow_rules": [{{"name": "all", "paths": ["/**"], {access}}}],"#);
        let mut test = refusing(BOTH, &shadow);
        let bearer = bearer("portcullis");
        let decision = decision(&mut test, ALERTS, &[("authorization", &bearer)]);
        assert_eq!(decision.reason(), Reason::CallerRefused);
        assert_eq!(decision.shadow().is_some(), differs, "{access}");
    }
}
