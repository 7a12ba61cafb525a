use serde_json::{Value, json};

use super::test_file;
use crate::schema::tests::validator;
use crate::test_suite::TestSuite;

/// A test file with one case of these members more.
fn suite(more: &Value) -> Value {
    let mut case = json!({
        "name": "a", "request": {"url": "https://alertmanager.example.com/"}, "expect": {"decision": "allowed"},
    });
    for (name, value) in more.as_object().expect("members") {
        case[name] = value.clone();
    }
    json!({"policy": "portcullis.yaml", "tests": [case]})
}

#[test]
fn the_schema_accepts_what_is_read_and_refuses_what_is_not() {
    let validator = validator(&test_file());
    for (more, expected) in [
        (json!({}), true),
        (
            json!({"as": "sso/ada", "groups": ["sre"], "email": "ada@example.com"}),
            true,
        ),
        (json!({"as": "sso/ada", "groups": "sre"}), true),
        (json!({"claims": {"sub": "a"}, "from": "blue"}), true),
        (
            json!({"person": {"sub": "a"}, "at": "2027-01-31T00:00:00Z"}),
            true,
        ),
        (
            json!({"expect": {"rule": null, "reason": "no-credentials", "status": 302}}),
            true,
        ),
        (
            json!({"expect": {"headers": {"x-a": "b", "authorization": null}}}),
            true,
        ),
        (
            json!({"request": {"method": "PUT", "url": "https://a.example.com", "headers": {"a": ["b", "c"]}}}),
            true,
        ),
        (json!({"as": "${who}", "each": [{"who": "blue/a/b"}]}), true),
        (
            json!({"expect": {"status": "${status}"}, "each": [{"status": 403}]}),
            true,
        ),
        (
            json!({"expect": "${expect}", "each": [{"expect": {"status": 403}}]}),
            true,
        ),
        (json!({"unknown": 1}), false),
        (json!({"name": ""}), false),
        (json!({"name": 7}), false),
        (json!({"request": {}}), false),
        (
            json!({"request": {"url": "https://a.example.com", "header": {}}}),
            false,
        ),
        (json!({"each": []}), false),
        (json!({"each": [7]}), false),
        (json!({"expect": {}}), false),
        (json!({"expect": {"decision": "denied"}}), false),
        (json!({"expect": {"reason": "publik"}}), false),
        (json!({"expect": {"status": 99}}), false),
        (json!({"expect": {"status": "200"}}), false),
        (json!({"expect": {"rule": 7}}), false),
        (json!({"expect": {"headers": {"x-a": 7}}}), false),
        (json!({"claims": [], "from": "blue"}), false),
    ] {
        let suite = suite(&more);
        assert_eq!(validator.is_valid(&suite), expected, "{more}");
        let read = TestSuite::parse(&suite.to_string());
        assert_eq!(read.is_ok(), expected, "{more}: {:?}", read.err());
    }
}
