use std::collections::BTreeMap;

use crate::config::example;
use crate::issuers::IssuerConnection;
use crate::public_url::PublicUrl;

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
      - name: users
        allow: [{from: sso, group: sre}]
  - name: elsewhere
    hosts: [app.example.net]
    rules:
      - name: programs
        allow: [{service_account: staging/monitoring/karma}]
";

/// Loads a policy as at the start.
fn first(text: impl Into<Vec<u8>>, config: &Config) -> Result<LoadedPolicy, Report> {
    let file = PolicyFile::parse("p.yaml".to_owned(), text.into())?;
    load(&file, config, &OnceLock::new())
}

/// The error for the policy with one piece of it replaced, and a changed configuration.
#[track_caller]
fn error_of(piece: &str, other: &str, change: impl FnOnce(&mut Config)) -> String {
    assert!(POLICY.contains(piece), "{piece}");
    let mut config = example();
    change(&mut config);
    let text = POLICY.replacen(piece, other, 1).into_bytes();
    let loaded = first(text, &config);
    loaded.expect_err(other).to_string()
}

#[test]
fn a_matching_policy_is_accepted() {
    let loaded = first(POLICY, &example());
    let loaded_policy = loaded.unwrap_or_else(|report| panic!("{report}"));
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
fn redirect_hosts_replace_the_policys_hosts() {
    let mut config = example();
    config.redirect_hosts = Some(Vec::new());
    let loaded = first(POLICY, &config);
    let loaded_policy = loaded.unwrap_or_else(|report| panic!("{report}"));
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
fn a_policy_with_another_url_is_refused_at_its_location() {
    let same = |_: &mut Config| {};
    let text = error_of("auth.example.com", "auth.example.org", same);
    assert!(
        text.starts_with("error: p.yaml:1:12: sso.url: differs from the configuration's URL"),
        "{text}"
    );
    assert!(text.contains("`https://auth.example.com`"), "{text}");
    let text = error_of("auth.example.com", "auth.example.com:8443", same);
    assert!(
        text.contains("sso.url: differs from the configuration's URL"),
        "{text}"
    );
    let line = "sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}\n";
    let identity = "{from: sso, group: sre}";
    let policy = POLICY
        .replace(line, "")
        .replace(identity, "{service_account: staging/a/b}");
    let loaded = first(policy, &example());
    let text = loaded.expect_err("no sso").to_string();
    assert!(
        text.contains("missing field `sso`") && text.contains("https://auth.example.com"),
        "{text}"
    );
}

#[test]
fn policy_and_configuration_have_the_same_providers() {
    let text = error_of("", "", |config| {
        config.sign_in().providers[0].name = "gitlab".to_owned()
    });
    assert!(
        text.contains("`sso` is not in `providers` of the configuration"),
        "{text}"
    );
    assert!(text.contains("expected one of: gitlab"), "{text}");
    let text = error_of("", "", |config| {
        let mut other = config.sign_in().providers[0].clone();
        other.name = "gitlab".to_owned();
        config.sign_in().providers.push(other);
    });
    assert!(
        text.contains("provider `gitlab` of the configuration is missing"),
        "{text}"
    );
}

#[test]
fn configured_trust_entries_must_exist() {
    let text = error_of("", "", |config| {
        config.trust = BTreeMap::from([("stagign".to_owned(), IssuerConnection::default())]);
    });
    assert!(text.contains("unknown trust entry `stagign`"), "{text}");
    assert!(text.ends_with("help: did you mean `staging`?"), "{text}");
}

#[test]
fn c01_the_cookie_domain_covers_every_app_with_sign_in() {
    let same = |_: &mut Config| {};
    let text = error_of("grafana.example.com,", "grafana.example.net,", same);
    assert!(
        text.contains(
            "p.yaml:10:13: apps[0].hosts[0]: `grafana.example.net` allows users who sign in"
        ),
        "{text}"
    );
    let text = error_of("*.grafana.example.com", "*.example.net", same);
    assert!(
        text.contains("apps[0].hosts[1]: `*.example.net` allows users who sign in"),
        "{text}"
    );
    let text = error_of("grafana.example.com,", "grafana.evilexample.com,", same);
    assert!(
        text.contains("is not under `session.cookie.domain`, `example.com`"),
        "{text}"
    );
    let text = error_of("", "", |config| {
        config.sign_in().session.cookie.domain = None
    });
    assert!(
        text.contains("without `session.cookie.domain` it would not get their session cookie"),
        "{text}"
    );
    let cookie = "envoy_cluster: portcullis, cookie: __Host-portcullis}";
    let text = error_of("envoy_cluster: portcullis}", cookie, same);
    assert!(
        text.contains("sso.cookie: cookie `__Host-portcullis` can't have a domain"),
        "{text}"
    );
}

#[test]
fn an_invalid_policy_has_the_errors_of_check() {
    let text = error_of("group: sre", "gruop: sre", |_| {});
    assert!(text.contains("unknown field `gruop`\n"), "{text}");
    assert!(text.ends_with("help: did you mean `group`?"), "{text}");
}

#[test]
fn the_default_port_is_normalized() {
    let public_url = PublicUrl::parse("https://AUTH.example.com:443").expect("a public URL");
    assert_eq!(public_url.as_str(), "https://auth.example.com");
    let policy = POLICY.replace("auth.example.com", "auth.example.com:443");
    let loaded = first(policy, &example());
    assert!(loaded.is_ok(), "{loaded:?}");
}

#[test]
fn the_cookie_name_is_fixed_while_the_companion_runs() {
    let cookie = OnceLock::new();
    let named = |name: &str| {
        let cluster = "envoy_cluster: portcullis";
        let text = POLICY.replace(cluster, &format!("{cluster}, cookie: {name}"));
        let file = PolicyFile::parse("p.yaml".to_owned(), text.into())?;
        load(&file, &example(), &cookie)
    };
    // A refused policy does not fix the name.
    assert!(named("__Host-first").is_err());
    assert!(named("__Secure-first").is_ok());
    let text = named("__Secure-second")
        .expect_err("another name")
        .to_string();
    assert!(
        text.contains("sso.cookie: `__Secure-second` differs from `__Secure-first`"),
        "{text}"
    );
    assert!(named("__Secure-first").is_ok());
}

#[test]
fn policy_and_configuration_agree_on_sign_in() {
    let line = "sso: {url: \"https://auth.example.com\", envoy_cluster: portcullis}\n";
    let policy = POLICY
        .replace(line, "")
        .replace("{from: sso, group: sre}", "{service_account: staging/a/b}");
    let mut config = example();
    config.sign_in = None;
    let loaded = first(policy, &config).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.policy.sso().is_none() && loaded.redirects.is_none());
    let text = first(POLICY, &config)
        .expect_err("no providers")
        .to_string();
    assert!(
        text.starts_with("error: p.yaml:1:1: sso: the configuration has no `providers`"),
        "{text}"
    );
    assert!(
        text.contains("add `url`, `providers` and `session`"),
        "{text}"
    );
}
