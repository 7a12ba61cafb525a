//! Values of the Helm chart.

use super::*;

/// The options that values set, as `NAME = VALUE`, by the source that the chart makes of them.
fn read(text: &str) -> (Vec<String>, Helm) {
    let input = Input {
        name: "values.yaml".to_owned(),
        text: text.to_owned(),
    };
    let helm = helm::read(&input);
    let layers = [
        &helm.file,
        &helm.environment.settings,
        &helm.flags.settings,
        &helm.alpha.settings,
    ];
    let settings = layers.into_iter().flatten();
    let found = settings.map(|setting| format!("{} = {}", setting.option.flag, setting.shown()));
    (found.collect(), helm)
}

#[test]
fn the_file_the_arguments_and_the_variables_of_the_chart_are_read() {
    let (found, helm) = read(
        "\
config:
  clientID: portcullis
  clientSecret: s3cret
  cookieSecret: s3cret
  cookieName: proxy
  configFile: |-
    email_domains = [ \"example.com\" ]
extraArgs:
  provider: oidc
  whitelist-domain: [.example.com, .example.org]
  skip-provider-button: true
  pass-access-token: \"\"
extraEnv:
- {name: OAUTH2_PROXY_COOKIE_EXPIRE, value: 8h}
- {name: OAUTH2_PROXY_REDIS_PASSWORD, valueFrom: {secretKeyRef: {name: a, key: b}}}
- {name: TZ, value: UTC}
metrics: {enabled: false}
",
    );
    assert!(helm.errors.is_empty(), "{:?}", helm.errors);
    assert_eq!(
        found,
        [
            "email-domain = example.com",
            "client-id = portcullis",
            "client-secret = <secret>",
            "cookie-secret = <secret>",
            "cookie-expire = 8h",
            "redis-password = <secret>",
            "cookie-name = proxy",
            "provider = oidc",
            "whitelist-domain = .example.com",
            "whitelist-domain = .example.org",
            "skip-provider-button = true",
            "pass-access-token = true",
            "http-address = 0.0.0.0:4180",
        ]
    );
}

#[test]
fn arguments_may_be_a_list() {
    let (found, helm) =
        read("extraArgs:\n- --provider=oidc\n- --reverse-proxy\n- --email-domain\n- \"*\"\n");
    assert!(helm.errors.is_empty(), "{:?}", helm.errors);
    assert_eq!(
        found,
        [
            "provider = oidc",
            "reverse-proxy = true",
            "email-domain = *",
            "http-address = 0.0.0.0:4180"
        ]
    );
}

#[test]
fn redis_and_the_alpha_configuration_of_the_chart_are_read() {
    let (found, helm) = read(
        "\
sessionStorage:
  type: redis
  redis:
    existingSecret: redis
    clientType: sentinel
    sentinel: {masterName: main, connectionUrls: 'redis://a:26379,redis://b:26379'}
alphaConfig:
  enabled: true
  serverConfigData: {BindAddress: '0.0.0.0:80'}
  configData:
    providers: [{clientID: x}]
",
    );
    assert!(helm.errors.is_empty(), "{:?}", helm.errors);
    assert_eq!(
        found,
        [
            "session-store-type = redis",
            "redis-password = <secret>",
            "redis-use-sentinel = true",
            "redis-sentinel-master-name = main",
            "redis-sentinel-connection-urls = redis://a:26379",
            "redis-sentinel-connection-urls = redis://b:26379",
            "http-address = 0.0.0.0:4180",
            "http-address = 0.0.0.0:80",
            "client-id = x",
        ]
    );
}

#[test]
fn the_addresses_of_the_chart_are_read() {
    let (found, helm) = read(
        "authenticatedEmailsFile:\n  enabled: true\n  restricted_access: |-\n    ada@example.com\n    bob@example.com\n",
    );
    assert!(
        found
            .iter()
            .any(|one| one.starts_with("authenticated-emails-file = ")),
        "{found:?}"
    );
    assert_eq!(
        helm.addresses.as_deref(),
        Some("ada@example.com\nbob@example.com")
    );
}
