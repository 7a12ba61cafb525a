//! Apps that are refused.

use super::{accepted, refused};
use crate::policy::Policy;

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

#[test]
fn a_contact_is_a_short_visible_text() {
    let long = "x".repeat(257);
    for contact in ["", "  ", r"a\nb", r"a\u202eb", &long] {
        let member = format!(r#""contact": "{contact}""#);
        let problem = "is empty, too long, or has hidden characters";
        member_refused(&member, "apps[0].contact", problem, "like `#sre`");
    }
    let policy = accepted(HOSTS, &format!(r##"{HOSTS}, "contact": "#sre, or José""##));
    assert_eq!(policy.apps()[0].contact(), Some("#sre, or José"));
}

#[test]
fn h06_identity_headers_have_no_other_meaning() {
    let at = |name: &str| format!("apps[0].identity_headers.{name}");
    for name in [
        "x-auth-request-user",
        "X-Auth_Request.Email",
        "X-Portcullis-Caller",
        "x_portcullis_other",
        "Authorization",
        "host",
        "Cookie",
        "Set-Cookie",
        "connection",
        "Transfer_Encoding",
        "content-type",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "x-envoy-original-path",
        "x-request-id",
        "x-original-url",
        "sec-fetch-site",
        "Accept-Language",
        "proxy-authorization",
    ] {
        let member = format!(r#""identity_headers": {{"{name}": "user"}}"#);
        let problem = "can't be an identity header";
        member_refused(&member, &at(name), problem, "like `X-WEBAUTH-USER`");
    }
    for (name, problem) in [
        (":path", "is a pseudo-header"),
        ("a b", "is not a header name"),
    ] {
        let member = format!(r#""identity_headers": {{"{name}": "user"}}"#);
        member_refused(&member, &at(name), problem, "");
    }
    let member = r#""identity_headers": {"X-User": "user", "x_user": "email"}"#;
    let problem = "is the same as another name to an app";
    member_refused(member, &at("x_user"), problem, "keep one");
    for (value, help) in [
        (r#""emial""#, "did you mean `email`?"),
        (
            r#""sub""#,
            "expected one of: user, caller, email, groups, preferred_username",
        ),
        ("7", "expected one of"),
    ] {
        let member = format!(r#""identity_headers": {{"x-user": {value}}}"#);
        let problem = "is not an identity";
        member_refused(&member, &at("x-user"), problem, help);
    }
    for value in ["{}", "[]", r#""user""#] {
        let member = format!(r#""identity_headers": {value}"#);
        let problem = "expected a mapping with at least one header";
        member_refused(
            &member,
            "apps[0].identity_headers",
            problem,
            "X-WEBAUTH-USER",
        );
    }
    // Those of oauth2-proxy, and one that the app strips anyway.
    let headers = r#""identity_headers": {"X-Forwarded-User": "user", "X-Forwarded-Email": "email",
        "X-WebAuth-User": "caller"}, "strip_headers": ["x_webauth_user"]"#;
    let policy = accepted(HOSTS, &format!("{HOSTS}, {headers}"));
    let names = ["X-WEBAUTH-USER", "x.webauth.user", "x-forwarded-user"];
    assert!(names.iter().all(|name| policy.strips(name.as_bytes())));
    assert_eq!(policy.apps()[0].identity_headers().len(), 3);
}

#[test]
fn report_until_is_a_time_in_utc() {
    for text in [
        "2027-01-31",
        "2027-02-29T00:00:00Z",
        "2027-01-31T00:00:00+01:00",
        "90d",
        "",
    ] {
        let member = format!(r#""report_until": "{text}""#);
        let help = "in UTC, like `2027-01-31T00:00:00Z`";
        member_refused(
            &member,
            "apps[0].report_until",
            "is not a UTC timestamp",
            help,
        );
    }
}

#[test]
fn shadow_rules_are_validated_like_rules() {
    let rule = r#"{"name": "a", "paths": ["/a"], "allow": [{"from": "gitlab", "anyone": true}]}"#;
    for (rules, path, problem) in [
        ("[]".to_owned(), "", "the list is empty"),
        (
            format!("[{rule}, {rule}]"),
            "[1].name",
            "duplicate name `a`",
        ),
        (
            rule.replace("gitlab", "nobody"),
            "[0].allow[0].from",
            "is not a trust entry",
        ),
        (rule.replace("/a", "a"), "[0].paths[0]", ""),
        (rule.replace("allow", "alow"), "[0].alow", "unknown field"),
    ] {
        let rules = if rules.starts_with('[') {
            rules
        } else {
            format!("[{rules}]")
        };
        let member = format!(r#""shadow_rules": {rules}"#);
        member_refused(&member, &format!("apps[0].shadow_rules{path}"), problem, "");
    }
    // The name of a rule, too.
    let polls = rule.replace(r#""a""#, r#""polls""#);
    let policy = accepted(HOSTS, &format!(r#"{HOSTS}, "shadow_rules": [{polls}]"#));
    assert_eq!(policy.apps()[0].all_rules().count(), 3);
}

#[test]
fn shadow_rules_have_no_paths_beside_encoded_paths() {
    let app = |shadow: &str| {
        format!(
            r#"{{"trust": [], "sso": {{"url": "https://auth.example.com", "envoy_cluster": "c"}},
                "apps": [{{"name": "app", "hosts": ["app.example.com"], "encoded_paths": "pass",
                "rules": [{{"name": "all", "allow": [{{"from": "sso", "anyone": true}}]}}],
                "shadow_rules": [{{"name": "a", "allow": [{{"from": "sso", "group": "a"}}]}}, {shadow}]}}]}}"#
        )
    };
    let open = r#"{"name": "b", "paths": ["/-/healthy"], "public": true}"#;
    assert!(Policy::from_json(&app(open)).is_ok());
    let rule = r#"{"name": "b", "paths": ["/b"], "allow": [{"from": "sso", "anyone": true}]}"#;
    let error = super::error(&app(rule));
    assert_eq!(error.path(), "apps[0].shadow_rules[1].paths");
    assert!(error.problem().contains("`encoded_paths: pass`"), "{error}");
}
