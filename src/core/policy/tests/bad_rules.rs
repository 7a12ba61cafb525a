//! Rules and entries that are refused.

use super::{accepted, error, refused};

const ALLOW: &str = r#""allow": [{"service_account": "staging/monitoring/karma"}]"#;
const ENTRY: &str = r#"{"service_account": "staging/monitoring/karma"}"#;
const PUBLIC: &str = r#""paths": ["/-/healthy"], "public": true"#;

/// Replaces the only entry.
#[track_caller]
fn entry_refused(entry: &str, path: &str, problem: &str, help: &str) {
    let path = format!("apps[0].rules[0].allow[0]{path}");
    refused(ENTRY, entry, &path, problem, help);
}

#[test]
fn a_rule_is_public_or_lists_callers() {
    refused(
        PUBLIC,
        r#""paths": ["/-/healthy"], "public": true, "allow": [{"from": "gitlab", "anyone": true}]"#,
        "apps[0].rules[1]",
        "`public` and `allow` are mutually exclusive",
        "keep `public`",
    );
    for neither in [
        r#""paths": ["/-/healthy"]"#,
        r#""paths": ["/"], "public": false"#,
    ] {
        let problem = "missing `allow` or `public`";
        refused(
            PUBLIC,
            neither,
            "apps[0].rules[1]",
            problem,
            "`public: true`",
        );
    }
    let path = "apps[0].rules[0].allow";
    refused(
        ALLOW,
        r#""allow": []"#,
        path,
        "the list is empty",
        "at least one caller",
    );
    let off = r#""public": false, "allow": [{"from": "gitlab", "anyone": true}]"#;
    accepted(ALLOW, off);
}

#[test]
fn a_public_rule_lists_paths() {
    let problem = "missing `paths` in a public rule";
    refused(
        PUBLIC,
        r#""public": true"#,
        "apps[0].rules[1]",
        problem,
        "`/**` matches every path",
    );
}

#[test]
fn rules_have_unique_names() {
    let path = "apps[0].rules[1].name";
    refused(
        r#""name": "probes""#,
        r#""name": "polls""#,
        path,
        "duplicate name `polls`",
        "",
    );
    refused(
        r#""name": "probes", "#,
        "",
        "apps[0].rules[1]",
        "missing field `name`",
        "",
    );
}

#[test]
fn methods_are_names_in_upper_case() {
    let methods = r#""methods": ["GET"]"#;
    for method in ["get", "", "*", "GET ", "GÉT", "GET,HEAD"] {
        let other = format!(r#""methods": ["GET", "{method}"]"#);
        let path = "apps[0].rules[0].methods[1]";
        refused(methods, &other, path, "is not a method", "in upper case");
    }
    let path = "apps[0].rules[0].methods";
    refused(
        methods,
        r#""methods": []"#,
        path,
        "the list is empty",
        "all methods",
    );
}

#[test]
fn h08_patterns_that_no_accepted_path_can_match_are_refused() {
    let paths = r#""paths": ["/api/v2/**"]"#;
    for (text, problem) in [
        ("api", "does not start with a slash"),
        ("", "does not start with a slash"),
        ("**", "does not start with a slash"),
        ("/a//b", "has an empty or a dot segment"),
        ("//", "has an empty or a dot segment"),
        ("/a/./b", "has an empty or a dot segment"),
        ("/a/..", "has an empty or a dot segment"),
        ("/a*", "has a wildcard inside a segment"),
        ("/***", "has a wildcard inside a segment"),
        ("/a/*.js", "has a wildcard inside a segment"),
        ("/a?b=c", "has a query"),
        ("/a#b", "has a fragment or a byte outside visible ASCII"),
        ("/a b", "has a fragment or a byte outside visible ASCII"),
        ("/ä", "has a fragment or a byte outside visible ASCII"),
        ("/a;b", "has a backslash or a semicolon"),
        (r"/a\\b", "has a backslash or a semicolon"),
        ("/a%5Cb", "has a percent-encoding"),
        ("/a%2fb", "has a percent-encoding"),
        ("/%2E%2e/b", "has a percent-encoding"),
        ("/a%00", "has a percent-encoding"),
        ("/a%2", "has a percent-encoding"),
        ("/a%zz", "has a percent-encoding"),
        ("/a%+1", "has a percent-encoding"),
    ] {
        let other = format!(r#""paths": ["/", "{text}"]"#);
        refused(paths, &other, "apps[0].rules[0].paths[1]", problem, "");
    }
    let path = "apps[0].rules[0].paths";
    refused(
        paths,
        r#""paths": []"#,
        path,
        "the list is empty",
        "all paths",
    );
    let long = format!(r#""paths": ["{}"]"#, "/a".repeat(65));
    refused(
        paths,
        &long,
        "apps[0].rules[0].paths[0]",
        "more than 64 segments",
        "`/**`",
    );
}

#[test]
fn an_entry_requires_a_trust_entry_or_provider() {
    for entry in ["{}", r#"{"group": "sre"}"#, r#"{"anyone": true}"#] {
        let problem = "missing `from` or `service_account`";
        entry_refused(entry, "", problem, "available: staging, gitlab");
    }
    let sso = r#"{"from": "sso", "group": "sre"}"#;
    entry_refused(
        sso,
        ".from",
        "`sso` is not a trust entry",
        "available: staging, gitlab",
    );
}

#[test]
fn an_entry_has_a_matcher() {
    for entry in [
        r#"{"from": "gitlab"}"#,
        r#"{"from": "gitlab", "anyone": false}"#,
    ] {
        entry_refused(entry, "", "the entry has no matcher", "`anyone: true`");
    }
}

#[test]
fn anyone_has_no_other_matchers() {
    for other in [
        r#""user": "a""#,
        r#""email": "a@example.com""#,
        r#""group": "sre""#,
        r#""claim": {"path": ["a"], "equals": 1}"#,
    ] {
        let entry = format!(r#"{{"from": "gitlab", "anyone": true, {other}}}"#);
        entry_refused(
            &entry,
            ".anyone",
            "can't be combined with other matchers",
            "use `anyone`",
        );
    }
    let entry = r#"{"service_account": "staging/*/*", "anyone": true}"#;
    entry_refused(
        entry,
        ".anyone",
        "can't be combined with other matchers",
        "use `anyone`",
    );
}

#[test]
fn a_service_account_has_three_parts_and_a_kubernetes_trust() {
    let help = "TRUST/NAMESPACE/NAME";
    for text in ["", "staging", "staging/monitoring", "staging/a/b/c"] {
        let entry = format!(r#"{{"service_account": "{text}"}}"#);
        entry_refused(&entry, ".service_account", "doesn't have three parts", help);
    }
    for (text, problem, help) in [
        (
            "stagin/a/b",
            "`stagin` is not a trust entry",
            "available: staging",
        ),
        (
            "gitlab/a/b",
            "`gitlab` is not of the kind kubernetes",
            "available: staging",
        ),
        (
            "staging//b",
            "`` is not a valid Kubernetes name",
            "`*` for any",
        ),
        (
            "staging/a/",
            "`` is not a valid Kubernetes name",
            "`*` for any",
        ),
        (
            "staging/a/karma-*",
            "`karma-*` is not a valid Kubernetes name",
            "the full name",
        ),
        (
            "staging/A/b",
            "`A` is not a valid Kubernetes name",
            "the full name",
        ),
    ] {
        let entry = format!(r#"{{"service_account": "{text}"}}"#);
        entry_refused(&entry, ".service_account", problem, help);
    }
    let entry = r#"{"service_account": "staging/a/b", "from": "gitlab"}"#;
    entry_refused(
        entry,
        ".service_account",
        "is not of `gitlab`, which `from` names",
        "remove `from`",
    );
}

#[test]
fn a_wildcard_for_the_trust_needs_a_kubernetes_entry() {
    let text = r#"{"apps": [{"name": "a", "hosts": ["a"], "rules": [
        {"name": "r", "allow": [{"service_account": "*/a/b"}]}]}]}"#;
    let error = error(text);
    assert_eq!(error.path(), "apps[0].rules[0].allow[0].service_account");
    assert!(
        error
            .help()
            .contains("none is defined; add one under `trust`"),
        "{error}"
    );
}

#[test]
fn a_service_account_has_no_email_groups_or_subject() {
    for (name, value) in [
        ("user", "system:serviceaccount:monitoring:karma"),
        ("email", "a@example.com"),
        ("email_domain", "example.com"),
        ("group", "system:serviceaccounts"),
    ] {
        for source in [
            r#""from": "staging""#,
            r#""service_account": "staging/a/b""#,
        ] {
            let entry = format!(r#"{{{source}, "{name}": "{value}"}}"#);
            let problem = "the entry never matches";
            entry_refused(&entry, &format!(".{name}"), problem, "by `service_account`");
        }
    }
    let bound = r#"{"service_account": "staging/a/b",
        "claim": {"path": ["kubernetes.io", "pod", "name"], "equals": "karma-0"}}"#;
    accepted(ENTRY, bound);
}

#[test]
fn r09_addresses_have_one_at_sign() {
    for email in ["", "a", "@example.com", "a@", "a@evil.example@example.com"] {
        let entry = format!(r#"{{"from": "gitlab", "email": "{email}"}}"#);
        entry_refused(&entry, ".email", "", "");
    }
    for domain in [
        "",
        "@example.com",
        "a@example.com",
        "*.example.com",
        ".example.com",
    ] {
        let entry = format!(r#"{{"from": "gitlab", "email_domain": "{domain}"}}"#);
        entry_refused(&entry, ".email_domain", "", "");
    }
    entry_refused(
        r#"{"from": "gitlab", "user": ""}"#,
        ".user",
        "the string is empty",
        "",
    );
    entry_refused(
        r#"{"from": "gitlab", "group": ""}"#,
        ".group",
        "the string is empty",
        "",
    );
}

#[test]
fn a_claim_has_a_path_and_a_single_value() {
    for (claim, path, problem) in [
        ("{}", ".claim", "missing field `path`"),
        (
            r#"{"path": ["a"]}"#,
            ".claim",
            "missing `equals` or `contains`",
        ),
        (
            r#"{"path": ["a"], "equals": 1, "contains": 1}"#,
            ".claim.contains",
            "`equals` is set too",
        ),
        (
            r#"{"path": ["a"], "contains": ["b"]}"#,
            ".claim.contains",
            "the value is not a string, number or boolean",
        ),
        (
            r#"{"path": ["a"], "contains": "b c"}"#,
            ".claim.contains",
            "the value is empty or has a space",
        ),
        (
            r#"{"path": ["a"], "contains": ""}"#,
            ".claim.contains",
            "the value is empty or has a space",
        ),
        (
            r#"{"path": [], "equals": 1}"#,
            ".claim.path",
            "the list is empty",
        ),
        (
            r#"{"path": ["a", ""], "equals": 1}"#,
            ".claim.path[1]",
            "the string is empty",
        ),
        (
            r#"{"path": ["a"], "equals": null}"#,
            ".claim.equals",
            "the value is not a string, number or boolean",
        ),
        (
            r#"{"path": ["a"], "equals": [1]}"#,
            ".claim.equals",
            "the value is not a string, number or boolean",
        ),
        (
            r#"{"path": ["a"], "equals": {}}"#,
            ".claim.equals",
            "the value is not a string, number or boolean",
        ),
    ] {
        entry_refused(
            &format!(r#"{{"from": "gitlab", "claim": {claim}}}"#),
            path,
            problem,
            "",
        );
    }
}
