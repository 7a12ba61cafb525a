//! Comparisons of policies, by examples and against the judgement.

mod property;
mod settings;

use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use serde_json::{Value, json};

use super::Comparison;
use crate::simulation::Simulator;

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A policy with these apps, and what they name.
pub(super) fn policy(apps: &Value) -> Value {
    json!({
        "trust": [
            {"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com", "audiences": ["gate"],
             "keys": {"envoy_cluster": "blue"}},
            {"name": "idp", "kind": "oidc", "issuer": "https://idp.example.com", "audiences": ["gate"],
             "keys": {"envoy_cluster": "idp"}},
        ],
        "sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"},
        "apps": apps,
    })
}

pub(super) fn simulator(policy: &Value) -> Simulator {
    let policy = Policy::from_json(&policy.to_string());
    Simulator::new(policy.unwrap_or_else(|error| panic!("{error}")))
}

pub(super) fn compare(old: &Value, new: &Value) -> Comparison {
    Comparison::of(&simulator(old), &simulator(new), NOW)
}

/// One app with these rules.
fn app(rules: &Value) -> Value {
    policy(
        &json!([{"name": "alertmanager", "hosts": ["alertmanager.example.com"], "rules": rules}]),
    )
}

fn karma(more: &Value) -> Value {
    let mut rule =
        json!({"name": "karma", "allow": [{"service_account": "blue/monitoring/karma"}]});
    let members = more.as_object().unwrap().clone();
    rule.as_object_mut().unwrap().extend(members);
    rule
}

/// The comparison of two lists of rules of one app.
fn rules(old: &Value, new: &Value) -> Comparison {
    compare(&app(old), &app(new))
}

fn summaries(list: &[super::Access]) -> Vec<String> {
    list.iter().map(super::Access::summary).collect()
}

#[test]
fn a_rule_that_allows_more_is_gained_with_an_example() {
    let old = json!([karma(
        &json!({"methods": ["GET"], "paths": ["/api/v2/alerts"]})
    )]);
    for (new, expected, example) in [
        (
            json!({"methods": ["GET", "POST"], "paths": ["/api/v2/alerts"]}),
            "alertmanager  POST  /api/v2/alerts  service_account: blue/monitoring/karma",
            "POST https://alertmanager.example.com/api/v2/alerts as blue/monitoring/karma",
        ),
        (
            json!({"methods": ["GET"], "paths": ["/api/v2/**"]}),
            "alertmanager  GET  /api/v2/**  service_account: blue/monitoring/karma",
            "GET https://alertmanager.example.com/api/v2 as blue/monitoring/karma",
        ),
        (
            json!({"methods": ["GET"]}),
            "alertmanager  GET  all paths  service_account: blue/monitoring/karma",
            "GET https://alertmanager.example.com/other as blue/monitoring/karma",
        ),
        (
            json!({"allow": [{"service_account": "blue/monitoring/*"}], "methods": ["GET"], "paths": ["/api/v2/alerts"]}),
            "alertmanager  GET  /api/v2/alerts  service_account: blue/monitoring/*",
            "GET https://alertmanager.example.com/api/v2/alerts as blue/monitoring/other",
        ),
    ] {
        let comparison = rules(&old, &json!([karma(&new)]));
        assert_eq!(summaries(&comparison.gained), [expected]);
        assert_eq!(comparison.gained[0].example().as_deref(), Some(example));
        assert!(
            comparison.lost.is_empty() && comparison.settings.is_empty(),
            "{comparison:?}"
        );
        let back = rules(&json!([karma(&new)]), &old);
        assert_eq!(summaries(&back.lost), [expected]);
        assert!(!back.is_widened() && back.has_differences());
    }
}

#[test]
fn names_order_and_rules_that_others_cover_make_no_difference() {
    let wide =
        json!({"name": "wide", "paths": ["/api/**"], "allow": [{"from": "sso", "group": "sre"}]});
    let narrow = json!({
        "name": "narrow", "methods": ["GET"], "paths": ["/api/v2", "/api/*/alerts"],
        "allow": [{"from": "sso", "group": "sre"}, {"from": "sso", "group": "sre", "email_domain": "example.com"}],
    });
    let mut renamed = wide.clone();
    renamed["name"] = json!("renamed");
    for (old, new) in [
        (json!([wide]), json!([wide, narrow])),
        (json!([wide, narrow]), json!([narrow, wide])),
        (json!([wide]), json!([renamed])),
    ] {
        let comparison = rules(&old, &new);
        assert!(!comparison.has_differences(), "{comparison:?}");
        assert_eq!(comparison.text(), "access is the same");
    }
}

#[test]
fn hosts_that_move_or_open_are_compared_host_by_host() {
    let rule = |user: &str| json!([{"name": "users", "allow": [{"from": "idp", "user": user}]}]);
    let apps = |first: &[&str], second: &[&str]| {
        policy(&json!([
            {"name": "one", "hosts": first, "rules": rule("ada")},
            {"name": "two", "hosts": second, "rules": rule("bob")},
        ]))
    };
    let old = apps(&["a.example.com", "b.example.com"], &["c.example.com"]);
    let new = apps(&["a.example.com"], &["*.example.com"]);
    let comparison = compare(&old, &new);
    assert_eq!(
        summaries(&comparison.gained),
        ["two  all methods  all paths  from: idp, user: bob"]
    );
    assert_eq!(
        summaries(&comparison.lost),
        ["one  all methods  all paths  from: idp, user: ada"]
    );
    let mut open = old.clone();
    open["ungated"] = json!(["shop.example.com"]);
    let comparison = compare(&old, &open);
    assert_eq!(
        summaries(&comparison.gained),
        ["ungated hosts  all methods  all paths  everybody"]
    );
    assert!(comparison.lost.is_empty());
}

#[test]
fn callers_that_are_not_refused_any_more_gain_what_rules_allow_them() {
    let all = json!([{"name": "all", "allow": [{"service_account": "blue/*/*"}]}]);
    let (new, mut old) = (app(&all), app(&all));
    old["refuse_callers"] = json!(["blue/monitoring/karma"]);
    let comparison = compare(&old, &new);
    let example = comparison.gained[0].example().unwrap();
    assert!(example.ends_with(" as blue/monitoring/karma"), "{example}");
    assert!(comparison.lost.is_empty());
    // No rule lists this one.
    old["refuse_callers"] = json!(["idp/ada"]);
    assert!(!compare(&old, &new).has_differences());
}

/// What stands for other callers must not be somebody whom a rule names.
#[test]
fn a_rule_for_one_user_does_not_stand_for_all() {
    for (one, all) in [
        (
            json!({"from": "sso", "user": "other"}),
            json!({"from": "sso", "anyone": true}),
        ),
        (
            json!({"from": "sso", "email": "other@example.com"}),
            json!({"from": "sso", "email_domain": "example.com"}),
        ),
        (
            json!({"service_account": "blue/other/other"}),
            json!({"service_account": "blue/*/*"}),
        ),
        (
            json!({"from": "idp", "claim": {"path": ["aud"], "contains": "gate"}}),
            json!({"from": "idp", "anyone": true}),
        ),
    ] {
        let policy = |entry: &Value| {
            let mut policy = app(&json!([{"name": "users", "allow": [entry]}]));
            policy["trust"][1]["audiences"] = json!(["gate", "tools"]);
            policy
        };
        assert!(
            compare(&policy(&one), &policy(&all)).is_widened(),
            "{one} {all}"
        );
    }
    let sub = "repo:org%2Fapp:ref:refs%2Fheads%2Fmain";
    let all = json!([{"name": "all", "allow": [{"from": "idp", "anyone": true}]}]);
    let (new, mut old) = (app(&all), app(&all));
    old["refuse_callers"] = json!([format!("idp/{sub}")]);
    let comparison = compare(&old, &new);
    let example = comparison.gained[0].example().unwrap();
    assert!(example.ends_with(&format!(" as idp/{sub}")), "{example}");
}

#[test]
fn entries_about_audiences_and_about_one_claim_twice_are_compared() {
    let karma = karma(&json!({}));
    for entry in [
        json!({"from": "idp", "claim": {"path": ["aud"], "contains": "special"}}),
        json!({"from": "idp", "claim": {"path": ["aud"], "equals": "special"}}),
        json!({"from": "idp", "group": "a", "claim": {"path": ["groups"], "contains": "b"}}),
    ] {
        let more = json!({"name": "more", "allow": [entry]});
        let comparison = rules(&json!([karma]), &json!([karma, more]));
        assert_eq!(comparison.gained.len(), 1, "{entry}: {comparison:?}");
        assert!(
            !rules(&json!([karma, more]), &json!([more, karma])).has_differences(),
            "{entry}"
        );
    }
}

#[test]
fn a_comment_quotes_what_the_policy_has() {
    let old = app(&json!([karma(&json!({}))]));
    let claim = json!({"path": ["team"], "equals": "a | `b` <img>"});
    let more = json!({"name": "more", "allow": [{"from": "idp", "claim": claim}]});
    let new = app(&json!([karma(&json!({})), more]));
    let comment = compare(&old, &new).markdown();
    assert!(
        comment.starts_with("### The policy gives more access\n"),
        "{comment}"
    );
    let row = comment.lines().find(|line| line.contains("img")).unwrap();
    assert_eq!(row.replace("\\|", "").matches('|').count(), 7, "{row}");
    assert!(row.contains("a \\| 'b' <img>"), "{row}");
}
