//! What tables and placeholders mean, and how expected header fields are compared.

use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use serde_json::{Value, json};

use super::{Policies, TestRun, TestSuite};
use crate::simulation::Simulator;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn policy(app: &Value) -> Simulator {
    let mut alertmanager = json!({
        "name": "alertmanager", "hosts": ["alertmanager.example.com"],
        "rules": [{"name": "karma", "allow": [{"service_account": "blue/monitoring/karma"}]}],
    });
    for (name, value) in app.as_object().unwrap() {
        alertmanager[name] = value.clone();
    }
    let policy = json!({
        "trust": [{"name": "blue", "kind": "kubernetes", "issuer": "https://blue.example.com", "audiences": ["gate"],
                   "keys": {"envoy_cluster": "blue"}}],
        "apps": [alertmanager],
    });
    let policy = Policy::from_json(&policy.to_string());
    Simulator::new(policy.unwrap_or_else(|error| panic!("{error}")))
}

fn suite(case: &Value) -> Result<TestSuite, String> {
    let file = json!({"policy": "portcullis.yaml", "tests": [case]});
    TestSuite::parse(&file.to_string()).map_err(|report| report.to_string())
}

/// The mismatches of the only case.
fn mismatches(app: &Value, case: &Value) -> Vec<String> {
    let suite = suite(case).unwrap();
    let policies = Policies::from([("portcullis.yaml".into(), policy(app))]);
    let run = TestRun::of(&[suite], &policies, NOW).unwrap();
    let [case] = &run.cases[..] else {
        panic!("one case");
    };
    case.mismatches
        .iter()
        .map(super::expectation::Mismatch::text)
        .collect()
}

fn names(case: &Value) -> Vec<String> {
    let suite = suite(case).unwrap();
    suite.cases.iter().map(|case| case.name.clone()).collect()
}

fn case(name: &str, each: &Value) -> Value {
    json!({
        "name": name, "each": each, "request": {"url": "https://alertmanager.example.com/${path}"},
        "expect": {"decision": "allowed"},
    })
}

#[test]
fn placeholders_are_replaced_and_names_stay_unique() {
    let rows = json!([{"path": "a"}, {"path": 7}]);
    assert_eq!(names(&case("get ${path}", &rows)), ["get a", "get 7"]);
    assert_eq!(names(&case("get", &rows)), ["get [row 1]", "get [row 2]"]);
    assert_eq!(
        names(&case("$${path} of ${path}", &rows)),
        ["${path} of a", "${path} of 7"]
    );
}

#[test]
fn a_placeholder_without_an_end_or_a_text_is_an_error() {
    for (name, rows, expected) in [
        ("a ${path", json!([{"path": "a"}]), "`${` has no `}`"),
        (
            "a",
            json!([{"path": ["a"]}]),
            "`path` is a list, and a part of a text here",
        ),
        (
            "a",
            json!([{"path": "a"}, {}]),
            "a row of `each` has no value for `${path}`",
        ),
        (
            "a",
            json!([{"path": "a", "more": 1}]),
            "no placeholder of the case has the name `more`",
        ),
    ] {
        let error = suite(&case(name, &rows)).err().unwrap();
        assert!(error.contains(expected), "{expected}\n---\n{error}");
    }
}

#[test]
fn header_fields_are_those_that_the_app_gets() {
    let case = |headers: Value| {
        json!({
            "name": "a", "as": "blue/monitoring/karma", "expect": {"headers": headers},
            "request": {"url": "https://alertmanager.example.com/", "headers": {
                "x-kept": ["a", "b"], "x-auth-request-user": "forged", "cookie": "own=s3cret",
            }},
        })
    };
    let kept = json!({
        "X-Kept": "a, b", "x-auth-request-user": "blue/monitoring/karma", "x-absent": null, "authorization": null,
        "cookie": "own=s3cret",
    });
    assert!(mismatches(&json!({}), &case(kept.clone())).is_empty());
    // An app that gets the token: it is not printed.
    let forwarded = mismatches(&json!({"forward_authorization": true}), &case(kept));
    assert_eq!(
        forwarded,
        ["headers.authorization: expected none, got a value that is not printed"]
    );
    let other = json!({"x-kept": null, "cookie": "own=other"});
    assert_eq!(
        mismatches(&json!({}), &case(other)),
        [
            "headers.cookie: expected a value that is not printed, got a value that is not printed",
            "headers.x-kept: expected none, got `a, b`",
        ]
    );
}

#[test]
fn the_answer_of_a_refused_request_has_its_own_header_fields() {
    let case = json!({
        "name": "a", "request": {"url": "https://alertmanager.example.com/", "headers": {"x-own": "a"}},
        "expect": {"headers": {"www-authenticate": "Bearer", "x-own": null}},
    });
    let found = mismatches(&json!({}), &case);
    assert!(found.len() <= 1, "{found:?}");
    assert!(
        found
            .iter()
            .all(|text| text
                .starts_with("headers.www-authenticate: expected `Bearer`, got `Bearer ")),
        "{found:?}"
    );
}
