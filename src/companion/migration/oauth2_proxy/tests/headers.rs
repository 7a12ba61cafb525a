//! What tells apps who the caller is.

use serde_json::json;

use super::*;
use crate::migration::oauth2_proxy::source::alpha;

/// What the base and an alpha configuration are mapped to.
fn with_alpha(text: &str) -> Mapped {
    let input = Input {
        name: "alpha.yaml".to_owned(),
        text: text.to_owned(),
    };
    let alpha = alpha::read(&input, &[("NAME".to_owned(), "replaced".to_owned())].into());
    assert!(alpha.errors.is_empty(), "{:?}", alpha.errors);
    let mut settings = Settings::default();
    settings.overlay(flags::read(&BASE.map(str::to_owned), "flags").settings);
    settings.overlay(alpha.settings);
    let sources = mapping::Sources {
        settings: &settings,
        ingresses: &Ingresses::default(),
        headers: &alpha.headers,
        addresses: None,
        seen: None,
    };
    mapping::map(sources, alpha.lines).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn headers_with_claims_become_identity_headers() {
    let mapped = with_alpha(
        "\
injectRequestHeaders:
- name: X-WEBAUTH-USER
  values: [{claimSource: {claim: email}}]
- name: X-Auth-Request-Email
  values: [{claimSource: {claim: email}}]
- name: X-Forwarded-Access-Token
  values: [{claimSource: {claim: access_token}}]
- name: Authorization
  values: [{claimSource: {claim: id_token, prefix: 'Bearer '}}]
- name: X-Prefixed
  values: [{claimSource: {claim: user, prefix: 'u:'}}]
- name: X-Static
  values: [{secretSource: {value: s3cret}}]
- name: Host
  values: [{claimSource: {claim: user}}]
",
    );
    assert_eq!(
        policy(&mapped, "/apps/0/identity_headers"),
        json!({"X-WEBAUTH-USER": "email"})
    );
    let outcomes: Vec<Outcome> = (0..7)
        .map(|index| line(&mapped, &format!("injectRequestHeaders[{index}]")).outcome)
        .collect();
    let [kept, needs_you] = [Outcome::Kept, Outcome::NeedsYou];
    assert_eq!(
        outcomes,
        [
            kept, kept, needs_you, needs_you, needs_you, needs_you, needs_you
        ]
    );
    assert!(!json(&mapped.lines).contains("s3cret"));
}

#[test]
fn a_reverse_proxy_has_the_headers_that_its_app_reads() {
    let mapped = with(&[
        "--upstream=http://127.0.0.1:3000/",
        "--prefer-email-to-user",
    ]);
    assert_eq!(
        policy(&mapped, "/apps/0/identity_headers"),
        json!({
            "X-Forwarded-User": "email",
            "X-Forwarded-Email": "email",
            "X-Forwarded-Groups": "groups",
            "X-Forwarded-Preferred-Username": "preferred_username",
        })
    );
    for flags in [
        &["--upstream=static://202"][..],
        &[
            "--upstream=http://127.0.0.1:3000/",
            "--pass-user-headers=false",
            "--pass-basic-auth=false",
        ],
    ] {
        assert_eq!(
            policy(&with(flags), "/apps/0/identity_headers"),
            json!(null),
            "{flags:?}"
        );
    }
}

#[test]
fn fields_of_the_alpha_configuration_are_the_options_that_they_replaced() {
    let mapped = with_alpha(
        "\
server: {bindAddress: '0.0.0.0:4180', tls: {key: {value: s3cret}}}
metricsServer: {bindAddress: '127.0.0.1:9090'}
upstreamConfig:
  upstreams:
  - {id: app, path: /, uri: 'http://app:80', flushInterval: 1s}
providers:
- id: x
  provider: gitlab
  clientID: ${NAME}
  clientSecret: s3cret
  scope: openid
  caFiles: [/ca.pem]
  allowedGroups: [sre]
  oidcConfig: {issuerURL: 'https://sso.example.com', groupsClaim: teams}
  loginURLParameters:
  - {name: prompt, default: [login]}
  - {name: login_hint, default: [a], allow: [{pattern: .*}]}
- clientID: second
",
    );
    let provider = companion(&mapped, "/providers/0");
    assert_eq!(
        provider,
        json!({
            "issuer": "https://sso.example.com",
            "client_id": "replaced",
            "client_secret_file": "client-secret",
            "ca_file": "/ca.pem",
            "scopes": ["openid"],
            "authorize_params": {"prompt": "login"},
            "groups_claim": "teams",
        })
    );
    assert_eq!(companion(&mapped, "/listen"), json!("0.0.0.0:4180"));
    assert_eq!(companion(&mapped, "/metrics"), json!("127.0.0.1:9090"));
    for (name, outcome) in [
        ("providers[0].clientID", Outcome::Kept),
        ("providers[0].clientSecret", Outcome::NeedsYou),
        ("providers[0].id", Outcome::Dropped),
        ("providers[0].loginURLParameters[0]", Outcome::Kept),
        ("providers[0].loginURLParameters[1]", Outcome::NeedsYou),
        ("providers[1]", Outcome::NeedsYou),
        ("server.tls.key.value", Outcome::NeedsYou),
        (
            "upstreamConfig.upstreams[0].flushInterval",
            Outcome::Dropped,
        ),
        ("upstreamConfig.upstreams[0].uri", Outcome::Changed),
    ] {
        assert_eq!(line(&mapped, name).outcome, outcome, "{name}");
    }
    assert!(!json(&mapped.lines).contains("s3cret"));
}
