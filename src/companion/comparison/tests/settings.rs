//! Settings that differ, and which of them widen access.

use serde_json::json;

use super::{Comparison, app, compare, karma, policy};

#[test]
fn settings_that_accept_other_tokens_and_requests_are_listed() {
    let base = app(&json!([karma(&json!({}))]));
    for (path, value, expected, widens, narrows) in [
        (
            "/trust/0/audiences",
            json!(["gate", "x"]),
            "trust.blue.audiences: `x` is accepted",
            true,
            false,
        ),
        (
            "/trust/0/former_issuers",
            json!(["https://old"]),
            "trust.blue.issuer: `https://old` is accepted",
            true,
            false,
        ),
        (
            "/trust/0/algorithms",
            json!(["RS256"]),
            "trust.blue.algorithms: only RS256 is accepted",
            false,
            true,
        ),
        (
            "/trust/0/leeway",
            json!("1m"),
            "trust.blue.leeway: 60s, was 30s",
            true,
            false,
        ),
        (
            "/trust/0/max_lifetime",
            json!("1h"),
            "trust.blue.max_lifetime: 3600s, was 86400s",
            false,
            true,
        ),
        (
            "/trust/0/keys/max_stale",
            json!("48h"),
            "trust.blue.keys.max_stale: 172800s, was 86400s",
            true,
            false,
        ),
        (
            "/trust/0/keys/refuse_kids",
            json!(["old"]),
            "trust.blue.keys.refuse_kids: `old` is refused",
            false,
            true,
        ),
        (
            "/trust/0/keys/jwks",
            json!("https://blue.example.com/keys"),
            "trust.blue.keys: the keys have another source",
            true,
            true,
        ),
        (
            "/apps/0/audiences",
            json!(["x"]),
            "apps.alertmanager.audiences: only x is accepted",
            false,
            true,
        ),
        (
            "/apps/0/origins",
            json!(["https://a.example"]),
            "apps.alertmanager.origins: `https://a.example` is accepted",
            true,
            false,
        ),
        (
            "/apps/0/preflight",
            json!(false),
            "apps.alertmanager.preflight: off",
            false,
            true,
        ),
        (
            "/apps/0/bearer",
            json!("app"),
            "apps.alertmanager.bearer: app: on",
            true,
            false,
        ),
        (
            "/apps/0/encoded_paths",
            json!("pass"),
            "apps.alertmanager.encoded_paths: pass: on",
            true,
            false,
        ),
        (
            "/apps/0/report_until",
            json!("2999-01-01T00:00:00Z"),
            "apps.alertmanager.report_until: OPEN until 2999-01-01T00:00:00Z: refusals are only reported",
            true,
            false,
        ),
        (
            "/sso/url",
            json!("https://other.example.com"),
            "sso.url: users sign in at https://other.example.com",
            true,
            true,
        ),
        (
            "/max_token",
            json!(8192),
            "max_token: 8192, was 16384",
            false,
            true,
        ),
    ] {
        let mut new = base.clone();
        let (above, name) = path.rsplit_once('/').unwrap();
        new.pointer_mut(above).unwrap()[name] = value;
        for (old, new, widens, narrows) in [
            (&base, &new, widens, narrows),
            (&new, &base, narrows, widens),
        ] {
            let comparison = compare(old, new);
            assert!(
                comparison.gained.is_empty() && comparison.lost.is_empty(),
                "{path}: {comparison:?}"
            );
            let [setting] = comparison.settings.as_slice() else {
                panic!("{path}: {:?}", comparison.settings);
            };
            assert_eq!(
                (setting.widens, setting.narrows),
                (widens, narrows),
                "{path}"
            );
            assert_eq!(comparison.is_widened(), widens, "{path}");
        }
        let text = compare(&base, &new).text();
        assert!(
            text.contains(&format!("\n  {expected} (")),
            "{path}: {text}"
        );
    }
    // A trust entry whose callers no rule lists.
    let mut unused = base.clone();
    unused["trust"][1]["audiences"] = json!(["gate", "x"]);
    assert!(!compare(&base, &unused).has_differences());
}

#[test]
fn settings_are_those_of_the_app_that_a_host_has() {
    let rules = json!([karma(&json!({}))]);
    let apps = |first: &[&str], second: &[&str]| {
        policy(&json!([
            {"name": "one", "hosts": first, "rules": rules, "audiences": ["x"]},
            {"name": "two", "hosts": second, "rules": rules, "report_until": "2999-01-01T00:00:00Z"},
        ]))
    };
    let old = apps(&["a.example.com", "b.example.com"], &["c.example.com"]);
    let moved = apps(&["a.example.com"], &["b.example.com", "c.example.com"]);
    let paths = |comparison: &Comparison| -> Vec<String> {
        comparison
            .settings
            .iter()
            .map(|setting| setting.path.clone())
            .collect()
    };
    let comparison = compare(&old, &moved);
    assert!(comparison.is_widened());
    assert_eq!(
        paths(&comparison),
        ["apps.two.report_until", "apps.two.audiences"]
    );
    // A new name does not hide what else is edited.
    let mut renamed = old.clone();
    renamed["apps"][0]["name"] = json!("three");
    assert!(!compare(&old, &renamed).has_differences());
    renamed["apps"][0]
        .as_object_mut()
        .unwrap()
        .remove("audiences");
    assert_eq!(paths(&compare(&old, &renamed)), ["apps.three.audiences"]);
}

#[test]
fn the_order_of_entries_that_share_an_issuer_is_compared() {
    let mut old = app(&json!([karma(&json!({}))]));
    let mut second = old["trust"][0].clone();
    second["name"] = json!("green");
    second["keys"]["envoy_cluster"] = json!("green");
    old["trust"].as_array_mut().unwrap().push(second);
    let mut new = old.clone();
    new["trust"].as_array_mut().unwrap().reverse();
    let comparison = compare(&old, &new);
    assert_eq!(comparison.settings.len(), 1, "{comparison:?}");
    assert!(
        comparison.settings[0]
            .change
            .contains("green, blue, was blue, green")
    );
}
