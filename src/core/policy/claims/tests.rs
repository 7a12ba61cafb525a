use super::*;
use crate::policy::Entry;

/// A policy whose rules for users of `sso` match on these claims.
fn policy(claims: &[&str]) -> Policy {
    let entries: Vec<String> = claims
        .iter()
        .map(|claim| format!(r#"{{"from": "sso", "claim": {claim}}}"#))
        .collect();
    let policy = format!(
        r#"{{"sso": {{"url": "https://auth.example.com", "envoy_cluster": "c", "providers": ["sso", "github"]}},
            "apps": [{{"name": "a", "hosts": ["a"], "rules": [
              {{"name": "r", "allow": [{}]}},
              {{"name": "g", "allow": [{{"from": "github", "claim": {{"path": ["login"], "equals": "x"}}}}]}}
            ]}}]}}"#,
        entries.join(", ")
    );
    Policy::from_json(&policy).unwrap_or_else(|error| panic!("{error}"))
}

fn requested(policy: &Policy, claims: &str) -> Option<String> {
    let claims = Json::parse(claims.as_bytes()).unwrap();
    let requested = policy.requested_claims().select("sso", &claims)?;
    Some(serde_json::to_string(&requested).unwrap())
}

#[test]
fn only_claims_that_rules_of_the_provider_match_on_are_requested() {
    let policy = policy(&[
        r#"{"path": ["roles"], "contains": "sre"}"#,
        r#"{"path": ["org", "unit"], "equals": 7}"#,
        r#"{"path": ["org", "name"], "equals": "x"}"#,
        r#"{"path": ["amr"], "contains": "mfa"}"#,
    ]);
    let claims = r#"{"sub": "a", "login": "x", "roles": ["dev", "sre", {"a": 1}, null],
        "org": {"unit": 7, "name": "y", "secret": 1}, "amr": "pwd mfa"}"#;
    assert_eq!(
        requested(&policy, claims).as_deref(),
        Some(r#"{"amr":"pwd mfa","org":{"name":"y","unit":7},"roles":["dev","sre"]}"#)
    );
    for claims in [
        "{}",
        r#"{"roles": null, "org": 7}"#,
        r#"{"roles": {"sre": 1}}"#,
        r#"{"roles": []}"#,
    ] {
        assert_eq!(requested(&policy, claims), None, "{claims}");
    }
}

#[test]
fn of_a_long_claim_only_the_values_that_rules_name_are_kept() {
    let policy = policy(&[
        r#"{"path": ["roles"], "contains": "sre"}"#,
        r#"{"path": ["roles"], "contains": "role-7"}"#,
        r#"{"path": ["scope"], "contains": "write"}"#,
        r#"{"path": ["text"], "equals": "x"}"#,
    ]);
    let roles: Vec<String> = (0..1000)
        .map(|number| format!("\"role-{number}\""))
        .collect();
    let scope = "read ".repeat(300);
    let claims = format!(
        r#"{{"roles": ["sre", {}], "scope": "{scope}write", "text": "{scope}"}}"#,
        roles.join(",")
    );
    assert_eq!(
        requested(&policy, &claims).as_deref(),
        Some(r#"{"roles":["sre","role-7"],"scope":["write"]}"#)
    );
}

#[test]
fn what_is_kept_matches_the_same_rules() {
    let tests = [
        r#"{"path": ["a"], "equals": "x"}"#,
        r#"{"path": ["a"], "contains": "x"}"#,
        r#"{"path": ["a"], "contains": 1}"#,
        r#"{"path": ["a"], "equals": true}"#,
        r#"{"path": ["a", "b"], "contains": "x"}"#,
    ];
    let policy = policy(&tests);
    let matchers: Vec<&Matcher> = policy.apps()[0].rules()[0]
        .allow()
        .iter()
        .flat_map(Entry::matchers)
        .collect();
    let matches = |claims: Option<&Json>| -> Vec<bool> {
        let tested = |matcher: &&Matcher| {
            let Matcher::Claim { path, test } = matcher else {
                return false;
            };
            let value = claims.and_then(|claims| claims.at(path));
            value.is_some_and(|value| test.accepts(value))
        };
        matchers.iter().map(tested).collect()
    };
    let long = "y".repeat(2000);
    for claims in [
        r#"{"a": "x"}"#,
        r#"{"a": ["x", 1, "y"]}"#,
        r#"{"a": 1}"#,
        r#"{"a": true}"#,
        r#"{"a": {"b": "y x"}}"#,
        r#"{"a": {"b": ["x"]}}"#,
        &format!(r#"{{"a": ["{long}", "x", 1]}}"#),
        &format!(r#"{{"a": "{long} x"}}"#),
        r#"{"a": null}"#,
    ] {
        let all = Json::parse(claims.as_bytes()).unwrap();
        let kept = policy.requested_claims().select("sso", &all);
        assert_eq!(matches(kept.as_ref()), matches(Some(&all)), "{claims}");
    }
}
