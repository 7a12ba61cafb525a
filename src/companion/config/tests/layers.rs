use super::*;
use crate::http_client::Connect;

#[test]
fn flags_variables_and_file_set_the_same_settings() {
    // The flags configure one provider.
    let one = "  - {name: other, issuer: https://other.example.com, client_id: a}\n";
    let flags = [
        "--url=https://auth.example.com:8443",
        "--listen=unix:etc/run/socket",
        "--listen-mode=0600",
        "--metrics=[::1]:9180",
        "--policy=/etc/portcullis.yaml",
        "--provider-name=gitlab",
        "--provider-issuer=https://gitlab.example.com/",
        "--provider-client-id=portcullis",
        "--provider-client-secret-file=/run/secrets/client",
        "--provider-audiences=project,other",
        "--provider-scopes=openid,groups",
        "--provider-groups-claim=realm_access,roles",
        "--provider-trust-unverified-email=true",
        "--provider-ca-file=etc/ca.pem",
        "--provider-discovery=https://gitlab.example.com/metadata?p=flow",
        "--provider-algorithms=ES256,RS256",
        "--provider-authorize-params=access_type=offline,prompt=consent",
        "--provider-end-session=https://gitlab.example.com/logout?client_id=a",
        "--provider-timeout=7s",
        "--provider-proxy=http://gate:hunter2@proxy:3128",
        "--session-keys-file=/run/keys",
        "--session-state-file=/var/state",
        "--session-lifetime=10h",
        "--session-idle=30m",
        "--session-token=60s",
        "--session-groups=policy",
        "--session-store=rediss-sentinel://one:1,[::1]/main/3",
        "--session-redis-username=portcullis",
        "--session-redis-password-file=etc/redis",
        "--session-redis-ca-file=etc/redis.pem",
        "--session-redis-sentinel-username=watcher",
        "--session-redis-sentinel-password-file=etc/sentinel",
        "--session-cookie-domain=example.com",
        "--session-cookie-same-site=none",
        "--trust-connect=staging=10.1.0.1:6443",
        "--trust-ca-file=staging=etc/staging.pem",
        "--trust-token-file=staging=/run/token",
        "--redirect-hosts=.example.com,*.example.org",
        "--redirect-hosts=example.net:8443",
        "--trusted-proxies=10.1.0.0/16, fd00::/8,192.0.2.1,unix",
        "--tls-cert=etc/tls.crt",
        "--tls-key=etc/tls.key",
        "--log-format=text",
        "--log-level=debug",
        "--limits-connections=10",
        "--limits-header-bytes=16384",
        "--limits-body-bytes=2048",
        "--limits-handshake=1s",
        "--limits-header=2s",
        "--limits-request=3s",
        "--limits-idle=4s",
        "--limits-shutdown=5s",
    ];
    let by_file = format!("{:?}", good(&FULL.replace(one, ""), &[]));
    assert_eq!(format!("{:?}", good("", &flags)), by_file);

    // Settings that others exclude.
    let (template, tenant) = (
        "https://login.example.com/{tenantid}/v2.0",
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
    );
    let file = FULL
        .replace(one, "")
        .replace(
            "https://gitlab.example.com/\n",
            &format!("{template}\n    tenants: [{tenant}]\n"),
        )
        .replace(
            "client_secret_file: /run/secrets/client",
            "client_assertion_file: token",
        );
    let excluded = [
        format!("--provider-issuer={template}"),
        format!("--provider-tenants={tenant}"),
        "--provider-client-assertion-file=etc/token".to_owned(),
    ];
    let mut others: Vec<&str> = flags.to_vec();
    others.retain(|flag| {
        !flag.starts_with("--provider-issuer=")
            && !flag.starts_with("--provider-client-secret-file=")
    });
    others.extend(excluded.iter().map(String::as_str));
    assert_eq!(
        format!("{:?}", good("", &others)),
        format!("{:?}", good(&file, &[]))
    );

    let given: BTreeSet<&str> = flags
        .iter()
        .chain(&others)
        .map(|flag| flag.split_once('=').expect("a value").0)
        .collect();
    let all: Vec<String> = SETTINGS
        .iter()
        .map(|setting| format!("--{}", setting.flag()))
        .collect();
    assert_eq!(given, all.iter().map(String::as_str).collect());

    let command = Arguments::augment_args(Command::new("serve"));
    for setting in SETTINGS {
        let argument = command
            .get_arguments()
            .find(|own| own.get_id() == setting.path);
        let argument = argument.unwrap_or_else(|| panic!("no flag for {}", setting.path));
        let variable = argument.get_env().and_then(|name| name.to_str());
        assert_eq!(variable, Some(&*setting.variable()), "{}", setting.path);
    }
    let variables: Vec<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
    assert!(variables.contains(&"PORTCULLIS_SESSION_COOKIE_DOMAIN".to_owned()));
    // Kubernetes sets these for a service of the name `portcullis`.
    for kubernetes in ["PORTCULLIS_PORT", "PORTCULLIS_SERVICE_"] {
        assert!(
            variables.iter().all(|own| !own.starts_with(kubernetes)),
            "{kubernetes}"
        );
    }
}

#[test]
fn flags_override_the_file_setting_by_setting() {
    let flags = [
        "--session-idle=20m",
        "--provider-client-id=other",
        "--trust-connect=b=h:1",
    ];
    let file =
        format!("{FILE}trust: {{a: {{connect: 'h:2'}}, b: {{connect: 'h:3', token_file: t}}}}\n");
    let config = good(&file, &flags);
    assert_eq!(
        config.sign_in.as_ref().unwrap().session.idle,
        Duration::from_secs(1_200)
    );
    assert_eq!(
        config.sign_in.as_ref().unwrap().session.lifetime,
        Duration::from_secs(43_200)
    );
    assert_eq!(
        config.sign_in.as_ref().unwrap().providers[0].client_id,
        "other"
    );
    assert_eq!(
        config.sign_in.as_ref().unwrap().providers[0].issuer,
        "https://gitlab.example.com"
    );
    assert_eq!(
        config.trust["a"].connect,
        Some(Connect {
            host: "h".into(),
            port: 2
        })
    );
    assert_eq!(
        config.trust["b"].connect,
        Some(Connect {
            host: "h".into(),
            port: 1
        })
    );
    assert_eq!(config.trust["b"].token_file, Some("etc/t".into()));
    // An empty list replaces that of the file.
    let file = format!("{FILE}trusted_proxies: [10.0.0.1]\nredirect_hosts: [a.example.com]\n");
    let config = good(&file, &["--trusted-proxies=", "--redirect-hosts="]);
    assert_eq!(config.trusted_proxies, TrustedProxies::default());
    assert_eq!(config.redirect_hosts, Some(Vec::new()));
}

#[test]
fn an_error_has_the_location() {
    let error = error_of(
        FILE,
        "keys_file: secrets",
        "idle: soon\n  keys_file: secrets",
    );
    assert_eq!(
        error,
        "error: etc/companion.yaml:7:9: session.idle: `soon` is not a duration\n    \
         7 |   idle: soon\n      |         ^^^^\n\
         help: write an integer and `s`, `m` or `h`, from 5s to 720h"
    );
    let error = read(FILE, &["--session-idle=soon"]).expect_err("a flag");
    assert!(
        error.starts_with("error: --session-idle: `soon` is not a duration\nhelp: "),
        "{error}"
    );

    let name = "PORTCULLIS_SESSION_IDLE".to_owned();
    let values = vec!["soon".to_owned()];
    let overrides = HashMap::from([("session.idle", Override { name, values })]);
    let file = Document::parse("c.yaml".into(), FILE.into(), "").expect("a document");
    let source = source::Source::new(&SERVE, Some(file), overrides).expect("a source");
    let error = Config::read(&source).expect_err("a variable").to_string();
    assert!(
        error.starts_with("error: PORTCULLIS_SESSION_IDLE: `soon` is not"),
        "{error}"
    );
}

#[test]
fn the_help_lists_every_setting() {
    let mut command = Arguments::augment_args(Command::new("serve"));
    let help = command.render_long_help().to_string();
    for setting in SETTINGS {
        assert!(
            help.contains(&format!("--{} <{}>", setting.flag(), setting.value)),
            "{}",
            setting.path
        );
        assert!(help.contains(&setting.variable()), "{}", setting.path);
        assert_eq!(setting.path.contains('*'), setting.shape == Shape::Named);
    }
}

#[test]
fn every_default_in_the_help_is_the_default() {
    // Defaults in words are tested where they are read.
    let in_words = [
        "metrics",
        "providers[].client_secret_file",
        "providers[].audiences",
        "providers[].discovery",
        "providers[].algorithms",
        "providers[].tenants",
        "providers[].authorize_params",
        "providers[].proxy",
        "session.redis.sentinel_username",
        "session.state_file",
        "session.redis.username",
        "trust.*.connect",
        "redirect_hosts",
        "trusted_proxies",
    ];
    // The mode is that of a socket.
    let file = format!("listen: unix:run/socket\n{FILE}");
    let mut tried = Vec::new();
    for setting in SETTINGS {
        let Some((_, default)) = setting.help.split_once("[default: ") else {
            continue;
        };
        if in_words.contains(&setting.path) {
            continue;
        }
        let default = default.trim_end_matches(']');
        let flag = format!("--{}={default}", setting.flag());
        let file = if setting.path == "listen" {
            FILE
        } else {
            &file
        };
        let (explicit, omitted) = (good(file, &[&flag]), good(file, &[]));
        assert_eq!(format!("{explicit:?}"), format!("{omitted:?}"), "{flag}");
        tried.push(setting.path);
    }
    assert!(tried.len() >= 20, "{tried:?}");
}
