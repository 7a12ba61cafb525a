use std::collections::BTreeMap;

use crate::config::example;
use crate::issuers::IssuerConnection;
use crate::site::Site;

use super::*;

const POLICY: &str = "\
sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}
trust:
  - name: staging
    kind: kubernetes
    issuer: https://kubernetes.example.com
    audiences: [portcullis]
    keys: {envoy_cluster: staging}
apps:
  - name: grafana
    hosts: [grafana.example.com, '*.grafana.example.com']
    rules:
      - name: people
        allow: [{from: sso, group: sre}]
  - name: elsewhere
    hosts: [app.example.net]
    rules:
      - name: programs
        allow: [{service_account: staging/monitoring/karma}]
";

/// What a companion makes of a policy when it starts.
fn first(text: impl Into<Vec<u8>>, config: &Config) -> Result<LoadedPolicy, Report> {
    load("p.yaml".to_owned(), text.into(), config, &OnceLock::new())
}

/// What is said of the policy with one piece of it replaced, by a companion that was changed.
#[track_caller]
fn told(piece: &str, other: &str, change: impl FnOnce(&mut Config)) -> String {
    assert!(POLICY.contains(piece), "{piece}");
    let mut config = example();
    change(&mut config);
    let text = POLICY.replacen(piece, other, 1).into_bytes();
    let judged = first(text, &config);
    judged.expect_err(other).to_string()
}

#[test]
fn a_policy_that_says_the_same_is_taken() {
    let judged = first(POLICY, &example());
    let loaded_policy = judged.unwrap_or_else(|report| panic!("{report}"));
    for rd in [
        "https://grafana.example.com/",
        "https://a.grafana.example.com/",
        "https://app.example.net/",
    ] {
        assert!(
            loaded_policy.redirects.as_ref().unwrap().check(rd).is_ok(),
            "{rd}"
        );
    }
    assert!(
        loaded_policy
            .redirects
            .as_ref()
            .unwrap()
            .check("https://other.example.com/")
            .is_err()
    );
}

#[test]
fn redirect_hosts_count_instead_of_the_policys() {
    let mut config = example();
    config.redirect_hosts = Some(Vec::new());
    let judged = first(POLICY, &config);
    let loaded_policy = judged.unwrap_or_else(|report| panic!("{report}"));
    assert!(
        loaded_policy
            .redirects
            .as_ref()
            .unwrap()
            .check("https://grafana.example.com/")
            .is_err()
    );
    assert!(loaded_policy.redirects.as_ref().unwrap().check("/").is_ok());
}

#[test]
fn another_companions_policy_is_refused_at_the_place_that_differs() {
    let same = |_: &mut Config| {};
    let text = told("auth.example.com", "auth.example.org", same);
    assert!(
        text.starts_with("error: p.yaml:1:12: sso.url: this is another companion"),
        "{text}"
    );
    assert!(text.contains("`https://auth.example.com`"), "{text}");
    let text = told("auth.example.com", "auth.example.com:8443", same);
    assert!(
        text.contains("sso.url: this is another companion"),
        "{text}"
    );
    let line = "sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}\n";
    let identity = "{from: sso, group: sre}";
    let policy = POLICY
        .replace(line, "")
        .replace(identity, "{service_account: staging/a/b}");
    let judged = first(policy, &example());
    let text = judged.expect_err("no sso").to_string();
    assert!(
        text.contains("no `sso`") && text.contains("https://auth.example.com"),
        "{text}"
    );
}

#[test]
fn providers_are_the_same_in_both() {
    let text = told("", "", |config| {
        config.sign_in().providers[0].name = "gitlab".to_owned()
    });
    assert!(
        text.contains("`sso` is none of the configuration's `providers`"),
        "{text}"
    );
    assert!(text.contains("here stand gitlab"), "{text}");
    let text = told("", "", |config| {
        let mut other = config.sign_in().providers[0].clone();
        other.name = "gitlab".to_owned();
        config.sign_in().providers.push(other);
    });
    assert!(
        text.contains("`gitlab`, a provider of the configuration, is not listed"),
        "{text}"
    );
}

#[test]
fn the_trusts_that_are_reached_in_a_way_of_their_own_are_there() {
    let text = told("", "", |config| {
        config.trust = BTreeMap::from([("stagign".to_owned(), IssuerConnection::default())]);
    });
    assert!(text.contains("no trust entry `stagign`"), "{text}");
    assert!(text.ends_with("help: did you mean `staging`?"), "{text}");
}

#[test]
fn c01_where_people_are_admitted_the_cookie_gets() {
    let same = |_: &mut Config| {};
    let text = told("grafana.example.com,", "grafana.example.net,", same);
    assert!(
        text.contains("p.yaml:10:13: apps[0].hosts[0]: `grafana.example.net` admits people"),
        "{text}"
    );
    let text = told("*.grafana.example.com", "*.example.net", same);
    assert!(
        text.contains("apps[0].hosts[1]: `*.example.net` admits people"),
        "{text}"
    );
    let text = told("grafana.example.com,", "grafana.evilexample.com,", same);
    assert!(
        text.contains("is not under `session.cookie.domain`, `example.com`"),
        "{text}"
    );
    let text = told("", "", |config| {
        config.sign_in().session.cookie.domain = None
    });
    assert!(
        text.contains("without `session.cookie.domain` no session would get there"),
        "{text}"
    );
    let cookie = "envoy_cluster: portcullis, cookie: __Host-portcullis}";
    let text = told("envoy_cluster: portcullis}", cookie, same);
    assert!(
        text.contains("sso.cookie: `__Host-portcullis` can have no domain"),
        "{text}"
    );
}

#[test]
fn a_policy_that_is_none_is_told_as_check_tells_it() {
    let text = told("group: sre", "gruop: sre", |_| {});
    assert!(text.contains("unknown field `gruop`\n"), "{text}");
    assert!(text.ends_with("help: did you mean `group`?"), "{text}");
}

#[test]
fn a_url_is_the_same_however_its_default_port_is_written() {
    let site = Site::parse("https://AUTH.example.com:443").expect("a site");
    assert_eq!(site.as_str(), "https://auth.example.com");
    let policy = POLICY.replace("auth.example.com", "auth.example.com:443");
    let judged = first(policy, &example());
    assert!(judged.is_ok(), "{judged:?}");
}

#[test]
fn the_cookies_keep_their_name_while_the_companion_runs() {
    let cookie = OnceLock::new();
    let named = |name: &str| {
        let cluster = "envoy_cluster: portcullis";
        let text = POLICY.replace(cluster, &format!("{cluster}, cookie: {name}"));
        load("p.yaml".to_owned(), text.into(), &example(), &cookie)
    };
    // A policy that is refused names nothing.
    assert!(named("__Host-first").is_err());
    assert!(named("__Secure-first").is_ok());
    let text = named("__Secure-second")
        .expect_err("another name")
        .to_string();
    assert!(
        text.contains("sso.cookie: `__Secure-second` is another name"),
        "{text}"
    );
    assert!(named("__Secure-first").is_ok());
}
