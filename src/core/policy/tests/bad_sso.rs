//! Valid and invalid `sso`.

use super::*;
use crate::token::Algorithm;

/// The shortest valid `sso`.
const SSO: &str = r#""url": "https://auth.example.com", "envoy_cluster": "portcullis""#;

/// The policy with this `sso`, and these rules' first entry.
fn policy(sso: &str, entry: &str) -> String {
    let text = with(
        r#"{"service_account": "staging/monitoring/karma"}"#,
        &format!("{{{entry}}}"),
    );
    text.replacen(
        r#""apps": ["#,
        &format!(r#""sso": {{{sso}}}, "apps": ["#),
        1,
    )
}

#[track_caller]
fn good(sso: &str) -> Sso {
    let policy = Policy::from_json(&policy(sso, r#""from": "gitlab", "anyone": true"#));
    let policy = policy.unwrap_or_else(|error| panic!("{error}"));
    policy.sso().unwrap().clone()
}

/// Proves that an `sso` is refused at a location in it.
#[track_caller]
fn bad(sso: &str, place: &str, problem: &str, help: &str) {
    let error = error(&policy(sso, r#""from": "gitlab", "anyone": true"#));
    assert_eq!(error.path(), format!("sso{place}"), "{error}");
    assert!(error.problem().contains(problem), "{error}");
    assert!(error.help().contains(help), "{error}");
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let sso = good(SSO);
    assert_eq!(sso.url(), "https://auth.example.com");
    assert_eq!(sso.host(), "auth.example.com");
    assert_eq!(sso.authority(), "auth.example.com");
    assert_eq!(sso.envoy_cluster(), "portcullis");
    assert_eq!(sso.cookie_names().token(), "__Secure-portcullis");
    assert_eq!(sso.providers(), ["sso"]);
}

#[test]
fn the_companions_keys_are_a_key_source_after_the_trust_entries() {
    let text = policy(SSO, r#""from": "sso", "anyone": true"#);
    let policy = Policy::from_json(&text).unwrap();
    let names: Vec<&str> = policy
        .key_sources()
        .map(|(_, trust)| &*trust.name)
        .collect();
    assert_eq!(names, ["staging", "gitlab", "sso"]);
    assert_eq!(policy.trusts().len(), 2);
    let keys = policy.sso().unwrap().keys();
    assert_eq!(keys.issuer, "https://auth.example.com");
    assert_eq!(keys.audiences, ["https://auth.example.com"]);
    assert_eq!(keys.algorithms.as_deref(), Some(&[Algorithm::Es256][..]));
    let remote = keys.keys.remote.as_ref().unwrap();
    assert_eq!(remote.envoy_cluster, "portcullis");
    assert_eq!(remote.refresh.as_secs(), 60);
    assert_eq!(remote.max_stale.as_secs(), 24 * 3600);
    let KeyEndpoint::Jwks(url) = &remote.endpoint else {
        panic!("{:?}", remote.endpoint);
    };
    assert_eq!(url.to_string(), "https://auth.example.com/oauth2/jwks");
    let without = Policy::from_json(WHOLE).unwrap();
    assert_eq!(without.key_sources().count(), 2);
    assert!(without.sso().is_none());
}

#[test]
fn the_url_is_kept_as_browsers_write_an_origin() {
    for (text, url, host) in [
        (
            "https://auth.example.com/",
            "https://auth.example.com",
            "auth.example.com",
        ),
        (
            "https://Auth.Example.COM",
            "https://auth.example.com",
            "auth.example.com",
        ),
        (
            "https://auth.example.com:443/",
            "https://auth.example.com",
            "auth.example.com",
        ),
        (
            "https://auth.example.com:8443",
            "https://auth.example.com:8443",
            "auth.example.com",
        ),
        (
            "https://portcullis.localhost:10000",
            "https://portcullis.localhost:10000",
            "portcullis.localhost",
        ),
    ] {
        let sso = good(&SSO.replace("https://auth.example.com", text));
        assert_eq!((sso.url(), sso.host()), (url, host));
    }
    for text in [
        "http://auth.example.com",
        "auth.example.com",
        "https://",
        "https://auth.example.com/oauth2",
        "https://auth.example.com//",
        "https://auth.example.com?a",
        "https://auth.example.com/#a",
        "https://user@auth.example.com",
        "https://auth.example.com.",
        "https://auth.example.com:0",
        "https://auth.example.com:x",
        "https://*.example.com",
        "https://[2001:db8::1]",
        " https://auth.example.com",
    ] {
        bad(
            &SSO.replace("https://auth.example.com", text),
            ".url",
            "is not an `https` URL with only a host",
            "`https://auth.example.com`",
        );
    }
}

#[test]
fn url_and_cluster_are_required() {
    bad(
        r#""envoy_cluster": "portcullis""#,
        "",
        "missing field `url`",
        "at which browsers reach the companion",
    );
    let url = r#""url": "https://auth.example.com""#;
    bad(
        url,
        "",
        "missing field `envoy_cluster`",
        "the cluster of the companion",
    );
    let empty = format!(r#"{url}, "envoy_cluster": """#);
    bad(
        &empty,
        ".envoy_cluster",
        "the string is empty",
        "write a value",
    );
}

#[test]
fn c01_the_cookie_has_a_prefix_that_browsers_protect() {
    let cookie = |name: &str| format!(r#"{SSO}, "cookie": "{name}""#);
    let longest = format!("__Secure-{}", "a".repeat(55));
    for name in ["__Host-portcullis", "__Secure-a.b_c~", &longest] {
        assert_eq!(good(&cookie(name)).cookie_names().token(), name);
    }
    let too_long = format!("{longest}a");
    for (name, problem, help) in [
        ("portcullis", "does not start with", "use one of these"),
        ("__secure-portcullis", "does not start with", "use one"),
        ("", "does not start with", "browsers protect"),
        (
            "__Secure-",
            "is only a prefix",
            "like `__Secure-portcullis`",
        ),
        ("__Host-a b", "is not a cookie name", "letters, digits"),
        ("__Host-a=b", "is not a cookie name", "letters, digits"),
        ("__Host-a;b", "is not a cookie name", "letters, digits"),
        ("__Host-\u{e9}", "is not a cookie name", "letters, digits"),
        (&too_long, "is longer than 64 bytes", "a shorter name"),
    ] {
        bad(&cookie(name), ".cookie", problem, help);
    }
}

#[test]
fn providers_and_trust_entries_share_their_names() {
    let providers = |names: &str| format!(r#"{SSO}, "providers": [{names}]"#);
    assert_eq!(
        good(&providers(r#""github", "okta-1""#)).providers(),
        ["github", "okta-1"]
    );
    bad(
        &providers(""),
        ".providers",
        "the list is empty",
        "remove it",
    );
    bad(
        &providers(r#""a", "b", "a""#),
        ".providers[2]",
        "duplicate name `a`",
        "a unique name",
    );
    bad(
        &providers(r#""a", "gitlab""#),
        ".providers[1]",
        "`gitlab` is also the name of a trust entry",
        "a unique name",
    );
    for name in ["", "A", "a/b", "a b"] {
        bad(
            &providers(&format!("\"{name}\"")),
            ".providers[0]",
            "is not a valid name",
            "lower-case letters",
        );
    }
    let clash = policy(&providers(r#""okta""#), r#""from": "okta", "anyone": true"#)
        .replace(r#""name": "gitlab""#, r#""name": "sso""#);
    let error = error(&clash);
    assert_eq!(error.path(), "sso");
    assert!(error.help().contains("rename the trust entry"), "{error}");
}

#[test]
fn rules_list_users_by_provider() {
    for entry in [
        r#""from": "sso", "anyone": true"#,
        r#""from": "sso", "user": "4711""#,
        r#""from": "sso", "email": "a@example.com", "group": "sre""#,
        r#""from": "sso", "email_domain": "example.com""#,
        r#""from": "sso", "claim": {"path": ["idp"], "equals": "sso"}"#,
    ] {
        let policy = Policy::from_json(&policy(SSO, entry));
        assert!(policy.is_ok(), "{entry}: {policy:?}");
    }
    let place = "apps[0].rules[0].allow[0]";
    for (entry, rest, problem, help) in [
        (
            r#""service_account": "sso/a/b""#,
            ".service_account",
            "`sso` is not of the kind kubernetes",
            "available: staging",
        ),
        (
            r#""from": "sso", "service_account": "staging/a/b""#,
            ".service_account",
            "is not of `sso`, which `from` names",
            "remove `from`",
        ),
        (
            r#""from": "github", "anyone": true"#,
            ".from",
            "`github` is not a trust entry or provider",
            "available: staging, gitlab, sso",
        ),
        (
            r#""from": "sso""#,
            "",
            "the entry has no matcher",
            "every caller of `from`",
        ),
        (
            r#""group": "sre""#,
            "",
            "missing `from` or `service_account`",
            "available: staging, gitlab, sso",
        ),
    ] {
        let error = error(&policy(SSO, entry));
        assert_eq!(error.path(), format!("{place}{rest}"), "{error}");
        assert!(error.problem().contains(problem), "{error}");
        assert!(error.help().contains(help), "{error}");
    }
}

#[test]
fn no_app_has_the_companions_host_but_a_wildcard_may_match_it() {
    let entry = r#""from": "sso", "anyone": true"#;
    let hosts = |hosts: &str| policy(SSO, entry).replace(r#""alertmanager.example.com""#, hosts);
    let error = error(&hosts(r#""a.example.com", "Auth.Example.com""#));
    assert_eq!(error.path(), "apps[0].hosts[1]");
    assert_eq!(
        error.problem(),
        "`auth.example.com` is the host of `sso.url`"
    );
    assert!(
        error.help().contains("reserved for the companion"),
        "{error}"
    );
    let policy = Policy::from_json(&hosts(r#""*.example.com""#)).unwrap();
    assert!(policy.companion_at("auth.example.com").is_some());
    assert!(policy.companion_at("other.example.com").is_none());
}
