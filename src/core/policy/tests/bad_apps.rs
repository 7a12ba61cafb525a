//! Apps that are refused.

use super::{accepted, refused};

const HOSTS: &str = r#""hosts": ["alertmanager.example.com"]"#;

/// Adds a second app with these members beside its own rule.
fn second(members: &str) -> String {
    let rules = r#""rules": [{"name": "all", "allow": [{"from": "gitlab", "anyone": true}]}]"#;
    format!(r#""apps": [{{{members}, {rules}}}, "#)
}

/// Adds members to the app.
#[track_caller]
fn member_refused(member: &str, path: &str, problem: &str, help: &str) {
    refused(HOSTS, &format!("{HOSTS}, {member}"), path, problem, help);
}

#[test]
fn bearer_and_encoded_paths_have_two_values_each() {
    member_refused(
        r#""bearer": "pass""#,
        "apps[0].bearer",
        "is not a valid value",
        "write `gate` or `app`",
    );
    member_refused(
        r#""encoded_paths": "app""#,
        "apps[0].encoded_paths",
        "is not a valid value",
        "write `refuse` or `pass`",
    );
    // A rule for callers has paths.
    member_refused(
        r#""encoded_paths": "pass""#,
        "apps[0].rules[0].paths",
        "the app has `encoded_paths: pass`",
        "remove `paths` here",
    );
    let policy = accepted(
        HOSTS,
        &format!(r#"{HOSTS}, "bearer": "app", "encoded_paths": "refuse""#),
    );
    let app = &policy.apps()[0];
    assert!(app.has_own_bearer() && !app.passes_encoded_paths());
    let policy = accepted(HOSTS, &format!(r#"{HOSTS}, "bearer": "gate""#));
    assert!(!policy.apps()[0].has_own_bearer());
}

#[test]
fn at_least_one_app_is_listed() {
    let text = r#"{"trust": []}"#;
    let error = super::error(text);
    assert_eq!(
        (error.path(), error.problem()),
        (".", "missing field `apps`")
    );
    let error = super::error(r#"{"apps": []}"#);
    assert_eq!(
        (error.path(), error.problem()),
        ("apps", "the list is empty")
    );
}

#[test]
fn a_missing_required_member_is_an_error() {
    for (piece, other, path, problem) in [
        (
            r#""name": "alertmanager", "#,
            "",
            "apps[0]",
            "missing field `name`",
        ),
        (
            r#""hosts": ["alertmanager.example.com"],"#,
            "",
            "apps[0]",
            "missing field `hosts`",
        ),
        (
            r#"["alertmanager.example.com"]"#,
            "[]",
            "apps[0].hosts",
            "the list is empty",
        ),
    ] {
        refused(piece, other, path, problem, "");
    }
    let app = r#"{"apps": [{"name": "a", "hosts": ["a.example.com"]}]}"#;
    let error = super::error(app);
    assert_eq!(
        (error.path(), error.problem()),
        ("apps[0]", "missing field `rules`")
    );
    let app = r#"{"apps": [{"name": "a", "hosts": ["a.example.com"], "rules": []}]}"#;
    let error = super::error(app);
    assert_eq!(
        (error.path(), error.problem()),
        ("apps[0].rules", "the list is empty")
    );
}

#[test]
fn names_are_unique() {
    refused(
        r#""apps": ["#,
        &second(r#""name": "alertmanager", "hosts": ["other.example.com"]"#),
        "apps[1].name",
        "duplicate name `alertmanager`",
        "a unique name",
    );
}

#[test]
fn a_host_belongs_to_one_app() {
    for (hosts, own) in [
        (r#"["Alertmanager.Example.com"]"#, HOSTS.to_owned()),
        (
            r#"["*.example.com"]"#,
            r#""hosts": ["*.EXAMPLE.com"]"#.to_owned(),
        ),
    ] {
        let text = super::with(
            r#""apps": ["#,
            &second(&format!(r#""name": "b", "hosts": {hosts}"#)),
        );
        let error = super::error(&text.replace(HOSTS, &own));
        assert_eq!(error.path(), "apps[1].hosts[0]", "{error}");
        assert!(
            error.problem().ends_with("is already a host of app `b`"),
            "{error}"
        );
    }
    refused(
        HOSTS,
        r#""hosts": ["a.example.com", "b.example.com", "A.example.com"]"#,
        "apps[0].hosts[2]",
        "`a.example.com` is already a host of app `alertmanager`",
        "list each host once",
    );
    accepted(
        HOSTS,
        r#""hosts": ["a.example.com", "*.example.com", "example.com"]"#,
    );
}

#[test]
fn hosts_are_dns_names_or_one_label_wildcards() {
    for (host, problem, help) in [
        ("*", "matches every host", "`*.` and a domain"),
        (
            "*.*.example.com",
            "not the whole first label",
            "exactly one label",
        ),
        (
            "a*.example.com",
            "not the whole first label",
            "exactly one label",
        ),
        ("a.*.com", "not the whole first label", "exactly one label"),
        (
            "**.example.com",
            "not the whole first label",
            "exactly one label",
        ),
        ("a.example.com:443", "has a port", "every port"),
        ("[::1]", "is an address", "write a DNS name"),
        ("https://a.example.com", "is a URL", "write only the host"),
        ("a.example.com.", "ends with a dot", "remove the dot"),
        ("", "is not a DNS name", "like `app.example.com`"),
        ("a..example.com", "is not a DNS name", ""),
        ("-a.example.com", "is not a DNS name", ""),
        ("a b.example.com", "is not a DNS name", ""),
        ("bücher.example.com", "is not in ASCII", "`xn--`"),
        ("user@a.example.com", "is not a DNS name", ""),
    ] {
        let hosts = format!(r#""hosts": ["ok.example.com", "{host}"]"#);
        refused(HOSTS, &hosts, "apps[0].hosts[1]", problem, help);
    }
}

#[test]
fn audiences_that_are_given_are_not_empty() {
    let help = "if the trust entry's audiences are sufficient";
    member_refused(
        r#""audiences": []"#,
        "apps[0].audiences",
        "the list is empty",
        help,
    );
    member_refused(
        r#""audiences": [""]"#,
        "apps[0].audiences[0]",
        "the string is empty",
        "",
    );
}

#[test]
fn origins_are_scheme_and_host() {
    for origin in [
        "",
        "null",
        "*",
        "app.example.com",
        "https://app.example.com/",
        "https://*.example.com",
        "ftp://app.example.com",
        "https://app.example.com:0",
        "https://app.example.com:+1",
        "https://user@app.example.com",
        "https://",
        "https://app.example.com:443:1",
    ] {
        let origins = format!(r#""origins": ["{origin}"]"#);
        let help = "like `https://app.example.com`";
        member_refused(&origins, "apps[0].origins[0]", "is not a web origin", help);
    }
}

#[test]
fn h06_stripped_headers_are_identity_headers() {
    for (name, problem) in [
        (":authority", "is a pseudo-header"),
        ("", "is not a header name"),
        ("x user", "is not a header name"),
        ("x-user:", "is not a header name"),
        ("x-usér", "is not a header name"),
        ("Authorization", "is always removed unless forwarded"),
        ("Host", "is not an identity header"),
        ("cookie", "is not an identity header"),
        ("Content-Length", "is not an identity header"),
        ("transfer_encoding", "is not an identity header"),
        ("Transfer.Encoding", "is not an identity header"),
        ("keep!alive", "is not an identity header"),
        ("content~length", "is not an identity header"),
        ("connection", "is not an identity header"),
    ] {
        let headers = format!(r#""strip_headers": ["x-ok", "{name}"]"#);
        member_refused(&headers, "apps[0].strip_headers[1]", problem, "");
    }
}

#[test]
fn any_host_is_for_a_policy_with_one_app() {
    let any = r#""hosts": "any""#;
    let policy = accepted(HOSTS, any);
    for host in [
        "alertmanager.example.com",
        "a",
        "10.0.0.1",
        "other.example.org",
    ] {
        let app = policy.app_for(host).map(|app| app.name());
        assert_eq!(app, Some("alertmanager"), "{host}");
    }
    refused(
        HOSTS,
        r#""hosts": "all""#,
        "apps[0].hosts",
        "expected a list or `any`, found the string \"all\"",
        "write a list or `any`",
    );
    for value in ["null", "true", "{}", "5"] {
        let hosts = format!(r#""hosts": {value}"#);
        let problem = "expected a list or `any`, found";
        refused(
            HOSTS,
            &hosts,
            "apps[0].hosts",
            problem,
            "write a list or `any`",
        );
    }
    let two = second(r#""name": "b", "hosts": ["b.example.com"]"#);
    let text = super::with(r#""apps": ["#, &two).replace(HOSTS, any);
    let error = super::error(&text);
    assert_eq!(error.path(), "apps[1].hosts");
    assert!(error.problem().contains("policy with one app"), "{error}");
}
