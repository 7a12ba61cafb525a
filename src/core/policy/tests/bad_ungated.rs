//! Ungated hosts that are refused.

use super::{accepted, refused};

const APPS: &str = r#""apps": ["#;

#[track_caller]
fn ungated_refused(hosts: &str, path: &str, problem: &str, help: &str) {
    let members = format!(r#""ungated": {hosts}, {APPS}"#);
    refused(APPS, &members, path, problem, help);
}

#[test]
fn ungated_hosts_are_exact_or_wildcards_of_one_label() {
    ungated_refused("[]", "ungated", "is empty", "or remove it");
    ungated_refused(
        r#"["shop.example.com", "*"]"#,
        "ungated[1]",
        "matches every host",
        "`*.` and a domain",
    );
    ungated_refused(r#"["a:80"]"#, "ungated[0]", "has a port", "every port");
    ungated_refused(r#""any""#, "ungated", "expected a list", "");
    let policy = accepted(
        APPS,
        &format!(r#""ungated": ["Shop.example.com", "*.example.com"], {APPS}"#),
    );
    for (host, ungated) in [
        ("shop.example.com", true),
        ("other.example.com", true),
        ("alertmanager.example.com", false),
        ("example.com", false),
        ("a.b.example.com", false),
    ] {
        assert_eq!(policy.is_ungated(host), ungated, "{host}");
    }
}

#[test]
fn a_host_is_listed_once() {
    ungated_refused(
        r#"["alertmanager.EXAMPLE.com"]"#,
        "ungated[0]",
        "`alertmanager.example.com` is already a host of app `alertmanager`",
        "list each host once",
    );
    ungated_refused(
        r#"["shop.example.com", "SHOP.example.com"]"#,
        "ungated[1]",
        "`shop.example.com` is already listed",
        "list each host once",
    );
    let sso = r#""sso": {"url": "https://auth.example.com", "envoy_cluster": "portcullis"}, "#;
    refused(
        APPS,
        &format!(r#"{sso}"ungated": ["auth.example.com"], {APPS}"#),
        "ungated[0]",
        "`auth.example.com` is the host of `sso.url`",
        "reserved for the companion",
    );
}

#[test]
fn no_host_is_ungated_where_an_app_has_any_host() {
    let text = super::with(
        r#""hosts": ["alertmanager.example.com"]"#,
        r#""hosts": "any""#,
    );
    let error =
        super::error(&text.replace(APPS, &format!(r#""ungated": ["shop.example.com"], {APPS}"#)));
    assert_eq!(error.path(), "ungated", "{error}");
    assert!(error.problem().contains("`hosts: any`"), "{error}");
}
