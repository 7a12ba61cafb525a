//! Callers that a policy refuses, and names in that list that no caller can have.

use super::{accepted, refused};

const APPS: &str = r#""apps": ["#;
const SSO: &str = r#""sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"}, "#;

fn with_callers(callers: &str) -> String {
    format!(r#"{SSO}"refuse_callers": {callers}, {APPS}"#)
}

#[track_caller]
fn callers_refused(callers: &str, path: &str, problem: &str, help: &str) {
    refused(APPS, &with_callers(callers), path, problem, help);
}

#[test]
fn exactly_the_listed_callers_are_refused() {
    let listed = r#"["staging/monitoring/karma", "gitlab/group%2Fproject%25:a@b", "sso/4711"]"#;
    let policy = accepted(APPS, &with_callers(listed));
    for (caller, is_refused) in [
        ("staging/monitoring/karma", true),
        ("gitlab/group%2Fproject%25:a@b", true),
        ("sso/4711", true),
        ("staging/monitoring/karma-2", false),
        ("staging/monitoring/Karma", false),
        ("staging/monitoring", false),
        ("gitlab/4711", false),
        ("sso/47110", false),
        ("sso/471", false),
        ("", false),
    ] {
        assert_eq!(policy.refuses(caller), is_refused, "{caller}");
    }
    assert_eq!(policy.refused_callers().count(), 3);
    assert_eq!(
        accepted(APPS, &with_callers("[]"))
            .refused_callers()
            .count(),
        0
    );
    assert!(!accepted(APPS, APPS).refuses("staging/monitoring/karma"));
}

#[test]
fn the_first_part_is_a_trust_entry_or_a_provider() {
    let available = "available: staging, gitlab, sso";
    for (caller, problem) in [
        (
            "stagin/monitoring/karma",
            "`stagin` is not a trust entry or provider",
        ),
        ("*/monitoring/karma", "`*` is not a trust entry or provider"),
        ("/monitoring/karma", "`` is not a trust entry or provider"),
        ("karma", "`karma` is not a trust entry or provider"),
        ("", "`` is not a trust entry or provider"),
    ] {
        let callers = format!(r#"["sso/4711", "{caller}"]"#);
        callers_refused(&callers, "refuse_callers[1]", problem, available);
    }
    callers_refused(r#""sso/4711""#, "refuse_callers", "expected a list", "");
}

#[test]
fn a_service_account_has_its_full_name() {
    for caller in [
        "staging",
        "staging/",
        "staging/karma",
        "staging/monitoring/*",
        "staging/*/karma",
        "staging/monitoring/",
        "staging//karma",
        "staging/monitoring/karma/0",
        "staging/monitoring/Karma",
    ] {
        let problem = format!("`{caller}` is not the name of a caller");
        let callers = format!(r#"["{caller}"]"#);
        let help = "TRUST/NAMESPACE/NAME";
        callers_refused(&callers, "refuse_callers[0]", &problem, help);
    }
}

#[test]
fn a_subject_is_percent_encoded_as_in_the_callers_name() {
    for subject in [
        "",
        "a/b",
        "ada lovelace",
        "caf\u{e9}",
        "%2f",
        "ada%40example.com",
        "100%",
    ] {
        let problem = format!("`sso/{subject}` is not the name of a caller");
        let callers = format!(r#"["sso/{subject}"]"#);
        callers_refused(&callers, "refuse_callers[0]", &problem, "percent-encoded");
    }
}

#[test]
fn a_caller_is_listed_once() {
    callers_refused(
        r#"["sso/4711", "staging/monitoring/karma", "sso/4711"]"#,
        "refuse_callers[2]",
        "`sso/4711` is already listed",
        "list each caller once",
    );
}
