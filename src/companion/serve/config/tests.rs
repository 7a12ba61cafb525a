use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use clap::{Args as _, Command, FromArgMatches as _};

use crate::document::Document;

use super::arguments::Given;
use super::settings::{SETTINGS, Shape};
use super::*;

const FILE: &str = "\
url: https://auth.example.com
policy: portcullis.yaml
providers:
  - issuer: https://gitlab.example.com
    client_id: portcullis
session:
  keys_file: secrets/session-keys
  cookie: {domain: example.com}
";

/// All that can be said, and in no place the default.
const FULL: &str = "\
url: https://auth.example.com:8443
listen: unix:run/socket
listen_mode: \"0600\"
metrics: '[::1]:9180'
policy: /etc/portcullis.yaml
providers:
  - name: gitlab
    issuer: https://gitlab.example.com/
    client_id: portcullis
    client_secret_file: /run/secrets/client
    scopes: [openid, groups]
    groups_claim: [realm_access, roles]
    ca_file: ca.pem
  - {name: other, issuer: https://other.example.com, client_id: a}
session:
  keys_file: /run/keys
  state_file: /var/state
  lifetime: 10h
  idle: 30m
  token: 60s
  store: rediss-sentinel://one:1,[::1]/main/3
  redis: {username: portcullis, password_file: redis, ca_file: redis.pem}
  cookie: {domain: example.com, same_site: none}
trust:
  staging: {connect: '10.1.0.1:6443', ca_file: staging.pem, token_file: /run/token}
redirect_hosts: [.example.com, '*.example.org', example.net]
trusted_proxies: [10.1.0.0/16, fd00::/8, 192.0.2.1, unix]
tls: {cert: tls.crt, key: tls.key}
log: {format: text, level: debug}
limits:
  connections: 10
  header_bytes: 16384
  body_bytes: 2048
  handshake: 1s
  header: 2s
  request: 3s
  idle: 4s
  shutdown: 5s
";

fn read(file: &str, flags: &[&str]) -> Result<Config, String> {
    let file = (!file.is_empty()).then(|| {
        let name = "etc/companion.yaml".to_owned();
        Document::parse(name, file.into(), "write something").expect("a document")
    });
    let given = arguments(flags).given;
    let source = source::Source::new(file, given);
    let config = source.and_then(|source| Config::read(&source));
    config.map_err(|report| report.to_string())
}

fn arguments(flags: &[&str]) -> Arguments {
    let command = Arguments::augment_args(Command::new("serve"));
    let matches = command.try_get_matches_from([&["serve"], flags].concat());
    let matches = matches.unwrap_or_else(|error| panic!("{error}"));
    Arguments::from_arg_matches(&matches).expect("arguments")
}

fn good(file: &str, flags: &[&str]) -> Config {
    read(file, flags).unwrap_or_else(|report| panic!("{report}"))
}

/// What is said of a file with one piece of it replaced.
#[track_caller]
fn told_of(file: &str, piece: &str, other: &str) -> String {
    assert_eq!(file.matches(piece).count(), 1, "one place for {piece}");
    read(&file.replace(piece, other), &[]).expect_err(other)
}

#[test]
fn a_short_file_has_the_defaults_of_the_rest() {
    let config = good(FILE, &[]);
    assert_eq!(config.site.as_str(), "https://auth.example.com");
    assert_eq!(config.listen.to_string(), "127.0.0.1:4180");
    assert_eq!(config.metrics, None);
    assert_eq!(config.policy, Path::new("etc/portcullis.yaml"));
    let [provider] = &*config.providers else {
        panic!("one provider");
    };
    assert_eq!(provider.name, "sso");
    assert_eq!(provider.issuer, "https://gitlab.example.com");
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert_eq!(provider.groups_claim, ["groups"]);
    assert_eq!(provider.client_secret_file, None);
    let session = &config.session;
    assert_eq!(session.keys_file, Path::new("etc/secrets/session-keys"));
    assert_eq!(
        session.state_file,
        Path::new("etc/secrets/session-keys.state")
    );
    let times = [session.lifetime, session.idle, session.token];
    assert_eq!(times, [43_200, 3_600, 300].map(Duration::from_secs));
    assert_eq!(session.store, Store::Cookie);
    assert_eq!(session.cookie.same_site, SameSite::Lax);
    assert_eq!(config.trusted_proxies, Proxies::default());
    assert_eq!((config.tls, config.redirect_hosts), (None, None));
    assert_eq!(config.log.format, Format::Json);
    assert_eq!(config.limits.request, Duration::from_secs(30));
}

#[test]
fn every_setting_of_the_file_counts() {
    let config = good(FULL, &[]);
    assert_eq!(
        (config.site.host(), config.site.port()),
        ("auth.example.com", 8443)
    );
    let path = PathBuf::from("etc/run/socket");
    assert_eq!(config.listen, Listen::Unix { path, mode: 0o600 });
    assert_eq!(
        config.metrics.map(|listen| listen.to_string()).as_deref(),
        Some("[::1]:9180")
    );
    assert_eq!(config.policy, Path::new("/etc/portcullis.yaml"));
    let [provider, other] = &*config.providers else {
        panic!("two providers");
    };
    assert_eq!((&*provider.name, &*other.name), ("gitlab", "other"));
    // Byte for byte: the slash is part of it.
    assert_eq!(provider.issuer, "https://gitlab.example.com/");
    assert_eq!(
        provider.client_secret_file.as_deref(),
        Some(Path::new("/run/secrets/client"))
    );
    assert_eq!(provider.scopes, ["openid", "groups"]);
    assert_eq!(provider.groups_claim, ["realm_access", "roles"]);
    assert_eq!(provider.ca_file.as_deref(), Some(Path::new("etc/ca.pem")));
    let session = &config.session;
    assert_eq!(session.state_file, Path::new("/var/state"));
    let times = [session.lifetime, session.idle, session.token];
    assert_eq!(times, [36_000, 1_800, 60].map(Duration::from_secs));
    let redis = super::store::Redis {
        kind: RedisKind::Sentinel("main".into()),
        nodes: vec![("one".into(), 1), ("[::1]".into(), 26379)],
        tls: true,
        database: 3,
        username: Some("portcullis".into()),
        password_file: Some("etc/redis".into()),
        ca_file: Some("etc/redis.pem".into()),
    };
    assert_eq!(session.store, Store::Redis(redis));
    let cookie = super::session::Cookie {
        domain: Some("example.com".into()),
        same_site: SameSite::None,
    };
    assert_eq!(session.cookie, cookie);
    let reach = Reach {
        connect: Some(("10.1.0.1".into(), 6443)),
        ca_file: Some("etc/staging.pem".into()),
        token_file: Some("/run/token".into()),
    };
    assert_eq!(config.trust, BTreeMap::from([("staging".into(), reach)]));
    assert_eq!(config.redirect_hosts.map(|hosts| hosts.len()), Some(3));
    assert_eq!(config.tls.map(|tls| tls.key), Some("etc/tls.key".into()));
    assert_eq!(config.log.format, Format::Text);
    let limits = &config.limits;
    assert_eq!(
        (limits.connections, limits.header_bytes, limits.body_bytes),
        (10, 16_384, 2_048)
    );
    let times = [
        limits.handshake,
        limits.header,
        limits.request,
        limits.idle,
        limits.shutdown,
    ];
    assert_eq!(times, [1, 2, 3, 4, 5].map(Duration::from_secs));
}

#[test]
fn every_setting_is_a_flag_and_a_variable_that_mean_the_same_as_the_file() {
    // Flags speak of one provider.
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
        "--provider-scopes=openid,groups",
        "--provider-groups-claim=realm_access,roles",
        "--provider-ca-file=etc/ca.pem",
        "--session-keys-file=/run/keys",
        "--session-state-file=/var/state",
        "--session-lifetime=10h",
        "--session-idle=30m",
        "--session-token=60s",
        "--session-store=rediss-sentinel://one:1,[::1]/main/3",
        "--session-redis-username=portcullis",
        "--session-redis-password-file=etc/redis",
        "--session-redis-ca-file=etc/redis.pem",
        "--session-cookie-domain=example.com",
        "--session-cookie-same-site=none",
        "--trust-connect=staging=10.1.0.1:6443",
        "--trust-ca-file=staging=etc/staging.pem",
        "--trust-token-file=staging=/run/token",
        "--redirect-hosts=.example.com,*.example.org",
        "--redirect-hosts=example.net",
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

    let given: BTreeSet<&str> = flags
        .map(|flag| flag.split_once('=').expect("a value").0)
        .into();
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
fn flags_count_before_the_file_setting_by_setting() {
    let flags = [
        "--session-idle=20m",
        "--provider-client-id=other",
        "--trust-connect=b=h:1",
    ];
    let file =
        format!("{FILE}trust: {{a: {{connect: 'h:2'}}, b: {{connect: 'h:3', token_file: t}}}}\n");
    let config = good(&file, &flags);
    assert_eq!(config.session.idle, Duration::from_secs(1_200));
    assert_eq!(config.session.lifetime, Duration::from_secs(43_200));
    assert_eq!(config.providers[0].client_id, "other");
    assert_eq!(config.providers[0].issuer, "https://gitlab.example.com");
    assert_eq!(config.trust["a"].connect, Some(("h".into(), 2)));
    assert_eq!(config.trust["b"].connect, Some(("h".into(), 1)));
    assert_eq!(config.trust["b"].token_file, Some("etc/t".into()));
    // An empty list takes away what the file lists.
    let file = format!("{FILE}trusted_proxies: [10.0.0.1]\nredirect_hosts: [a.example.com]\n");
    let config = good(&file, &["--trusted-proxies=", "--redirect-hosts="]);
    assert_eq!(config.trusted_proxies, Proxies::default());
    assert_eq!(config.redirect_hosts, Some(Vec::new()));
}

#[test]
fn an_error_names_the_place_that_it_is_in() {
    let told = told_of(
        FILE,
        "keys_file: secrets",
        "idle: soon\n  keys_file: secrets",
    );
    assert_eq!(
        told,
        "error: etc/companion.yaml:7:9: session.idle: `soon` is not a duration\n    \
         7 |   idle: soon\n      |         ^^^^\n\
         mend: write a whole number and `s`, `m` or `h`, 5s to 720h"
    );
    let told = read(FILE, &["--session-idle=soon"]).expect_err("a flag");
    assert!(
        told.starts_with("error: --session-idle: `soon` is not a duration\nmend: "),
        "{told}"
    );

    let name = "PORTCULLIS_SESSION_IDLE".to_owned();
    let values = vec!["soon".to_owned()];
    let given = HashMap::from([("session.idle", Given { name, values })]);
    let file = Document::parse("c.yaml".into(), FILE.into(), "").expect("a document");
    let source = source::Source::new(Some(file), given).expect("a source");
    let told = Config::read(&source).expect_err("a variable").to_string();
    assert!(
        told.starts_with("error: PORTCULLIS_SESSION_IDLE: `soon` is not"),
        "{told}"
    );
}

#[test]
fn t25_unknown_fields_are_errors_that_guess_what_is_meant() {
    for (piece, other, line) in [
        (
            "url:",
            "ulr:",
            "1:1: ulr: unknown field `ulr`|here stand url, listen,",
        ),
        (
            "client_id",
            "clientid",
            "5:5: providers[0].clientid: unknown field `clientid`|did you mean `client_id`?",
        ),
        (
            "{domain:",
            "{domian:",
            "8:12: session.cookie.domian: unknown field `domian`|did you mean `domain`?",
        ),
        (
            "cookie:",
            "kookies:",
            "8:3: session.kookies: unknown field `kookies`|did you mean `cookie`?",
        ),
        (
            "{domain:",
            "{http_only: true, domain:",
            "8:12: session.cookie.http_only: unknown field `http_only`|here stand domain, same_site",
        ),
        (
            "url:",
            "trust: {a: {conect: x}}\nurl:",
            "1:13: trust.a.conect: unknown field `conect`|did you mean `connect`?",
        ),
    ] {
        let (place, mend) = line.split_once('|').expect("two parts");
        let told = told_of(FILE, piece, other);
        assert!(
            told.starts_with(&format!("error: etc/companion.yaml:{place}")),
            "{told}"
        );
        assert!(told.contains(&format!("\nmend: {mend}")), "{told}");
    }
}

#[test]
fn t25_blocks_lists_and_values_are_not_taken_for_one_another() {
    for (piece, other, problem) in [
        (
            "{domain: example.com}",
            "5",
            "session.cookie: a number where a block of settings must stand",
        ),
        (
            "{domain: example.com}",
            "",
            "session.cookie: nothing where a block of settings must stand",
        ),
        (
            "{domain: example.com}",
            "[]",
            "session.cookie: a list where a block",
        ),
        (
            "https://auth.example.com",
            "5",
            "url: a number where a text must stand",
        ),
        (
            "https://auth.example.com",
            "",
            "url: nothing where a text must stand",
        ),
        ("https://auth.example.com", "\"\"", "url: is empty"),
        (
            "https://auth.example.com",
            "[a]",
            "url: a list where a text must stand",
        ),
        (
            "url:",
            "redirect_hosts: a.example.com\nurl:",
            "redirect_hosts: a text where a list must stand",
        ),
        (
            "url:",
            "redirect_hosts: [5]\nurl:",
            "redirect_hosts[0]: a number where a text must stand",
        ),
        (
            "url:",
            "trusted_proxies: {a: b}\nurl:",
            "trusted_proxies: a block of settings where a list",
        ),
        (
            "url:",
            "limits: {connections: \"5\"}\nurl:",
            "limits.connections: a text where a whole number",
        ),
        (
            "url:",
            "limits: {connections: 1.5}\nurl:",
            "limits.connections: `1.5` is not a whole number",
        ),
        (
            "url:",
            "limits: {connections: 0}\nurl:",
            "limits.connections: `0` is out of bounds",
        ),
        (
            "url:",
            "trust: [a]\nurl:",
            "trust: a list where a block of settings",
        ),
        ("url:", "listen_mode: 0660\nurl:", ""),
    ] {
        let file = FILE.replace(piece, other);
        if problem.is_empty() {
            // Without quotes it is a number to some readers of YAML, and the reader itself refuses.
            assert!(Document::parse("c.yaml".into(), file.into(), "").is_err());
            continue;
        }
        let told = read(&file, &[]).expect_err(other);
        assert!(told.contains(problem), "{told}");
    }
    let told = read(&FILE.replace("  - issuer", "    issuer"), &[]).expect_err("a map");
    assert!(
        told.contains("providers: a block of settings where a list must stand"),
        "{told}"
    );
    let told = read("- a\n", &[]).expect_err("a list");
    assert!(
        told.contains("a list where a block of settings must stand"),
        "{told}"
    );
}

#[test]
fn t25_what_is_missing_is_named_with_the_flag_that_would_do() {
    let keys = "  keys_file: secrets/session-keys\n";
    for (piece, problem, flag) in [
        (
            "url: https://auth.example.com\n",
            "companion.yaml: no `url`",
            "--url",
        ),
        (
            "policy: portcullis.yaml\n",
            "companion.yaml: no `policy`",
            "--policy",
        ),
        (
            "    client_id: portcullis\n",
            "4:5: providers[0]: no `client_id`",
            "--provider-client-id",
        ),
        (keys, "6:1: session: no `keys_file`", "--session-keys-file"),
    ] {
        let told = told_of(FILE, piece, "");
        assert!(told.contains(problem), "{told}");
        assert!(told.contains(&format!(", here or as `{flag}`")), "{told}");
    }
    let told = read("", &[]).expect_err("nothing");
    assert_eq!(
        told,
        "error: serve: no `url`\nmend: write `url: https://auth.example.com`, here or as `--url`"
    );
    let told = told_of(
        FILE,
        "  - issuer: https://gitlab.example.com\n    client_id: portcullis\n",
        "  []\n",
    );
    assert!(
        told.contains("no `providers`") && told.contains("--provider-issuer"),
        "{told}"
    );
    let told = read(FILE, &["--tls-cert=a"]).expect_err("half of TLS");
    assert!(
        told.contains("no `key`") && told.contains("belong together"),
        "{told}"
    );
}

#[test]
fn a_value_that_cannot_be_is_refused_with_the_mend() {
    for (flag, problem, mend) in [
        (
            "--url=http://auth.example.com",
            "plain HTTP",
            "write `url: https",
        ),
        (
            "--url=https://auth.example.com/",
            "behind the host",
            "write `url: https",
        ),
        (
            "--url=https://auth.example.com/oauth2",
            "behind the host",
            "write `url: https",
        ),
        (
            "--url=https://user@auth.example.com",
            "is not `https://` and a host",
            "write `url: https",
        ),
        (
            "--url=https://auth.example.com:0",
            "is not `https://` and a host",
            "write `url: https",
        ),
        (
            "--url=auth.example.com",
            "is not `https://` and a host",
            "write `url: https",
        ),
        (
            "--listen=4180",
            "is not where one can listen",
            "127.0.0.1:4180",
        ),
        (
            "--listen=localhost:4180",
            "is not where one can listen",
            "127.0.0.1:4180",
        ),
        (
            "--listen=unix:",
            "names no socket",
            "write `unix:` and a path",
        ),
        (
            "--metrics=127.0.0.1:4180",
            "is what `listen` has",
            "a port of their own",
        ),
        ("--provider-name=SSO", "is not a name", "lower-case"),
        (
            "--provider-issuer=http://gitlab.example.com",
            "is not `https`",
            "like `https://gitlab",
        ),
        (
            "--provider-issuer=https://gitlab.example.com?x",
            "has a query",
            "like `https://gitlab",
        ),
        (
            "--provider-issuer=https://gitlab.example.com#x",
            "has a fragment",
            "like `https://gitlab",
        ),
        (
            "--provider-issuer=https://u:p@gitlab.example.com",
            "has a user",
            "like `https://gitlab",
        ),
        (
            "--provider-issuer=gitlab",
            "is not a URL",
            "like `https://gitlab",
        ),
        (
            "--provider-client-id=a b",
            "holds a space",
            "as the provider has it",
        ),
        (
            "--provider-scopes=email",
            "`openid` is not among them",
            "add it",
        ),
        (
            "--provider-scopes=openid,a b",
            "is not a scope",
            "each scope by itself",
        ),
        (
            "--provider-groups-claim=",
            "names no claim",
            "the name of a claim",
        ),
        ("--session-lifetime=4s", "is too short", "write 5s to 720h"),
        ("--session-lifetime=721h", "is too long", "write 5s to 720h"),
        ("--session-token=16m", "is too long", "write 5s to 15m"),
        (
            "--session-idle=13h",
            "longer than `session.lifetime`",
            "no longer than `lifetime`",
        ),
        ("--session-idle=4m", "", ""),
        (
            "--session-store=memcached://a",
            "is not a store",
            "redis-cluster://",
        ),
        (
            "--session-store=redis-sentinel://a",
            "names no master",
            "redis-sentinel://HOST",
        ),
        (
            "--session-store=redis-cluster://a/1",
            "a cluster has one",
            "redis-cluster://HOST",
        ),
        (
            "--session-store=redis://a,b",
            "names several servers",
            "redis://HOST",
        ),
        (
            "--session-store=redis://",
            "does not name a host",
            "redis://HOST",
        ),
        (
            "--session-store=redis://a/x",
            "names no database",
            "redis://HOST",
        ),
        (
            "--session-redis-username=a",
            "is for sessions in Redis",
            "`session.store`",
        ),
        (
            "--session-redis-password-file=a",
            "is for sessions in Redis",
            "`session.store`",
        ),
        (
            "--session-cookie-domain=.example.com",
            "begins with a dot",
            "write `example.com`",
        ),
        (
            "--session-cookie-domain=com",
            "has one label alone",
            "portcullis.localhost",
        ),
        (
            "--session-cookie-domain=localhost",
            "has one label alone",
            "portcullis.localhost",
        ),
        (
            "--session-cookie-domain=other.com",
            "does not hold the host of `url`",
            "auth.example.com",
        ),
        (
            "--session-cookie-domain=xample.com",
            "does not hold the host of `url`",
            "auth.example.com",
        ),
        (
            "--session-cookie-domain=example.com:443",
            "is not a domain",
            "like `example.com`",
        ),
        (
            "--session-cookie-domain=192.0.2.1",
            "is not a domain",
            "like `example.com`",
        ),
        (
            "--session-cookie-same-site=strict",
            "would sign nobody in",
            "write `lax`",
        ),
        (
            "--session-cookie-same-site=Lax",
            "is not known",
            "write `lax`",
        ),
        (
            "--trust-connect=staging",
            "has no `=`",
            "a name, `=` and the value",
        ),
        (
            "--trust-connect=staging=10.1.0.1",
            "is not an address",
            "10.1.0.1:6443",
        ),
        (
            "--trust-connect=staging=a:1,staging=b:1",
            "`staging` stands twice",
            "keep one",
        ),
        (
            "--redirect-hosts=https://a.example.com",
            "is not a host",
            "a host alone",
        ),
        (
            "--trusted-proxies=0.0.0.0/0",
            "is everybody",
            "name the proxies",
        ),
        ("--trusted-proxies=::/0", "is everybody", "name the proxies"),
        (
            "--trusted-proxies=10.1.2.3/16",
            "behind the network's own",
            "write `10.1.0.0/16`",
        ),
        (
            "--trusted-proxies=10.1.0.0/33",
            "is not a network",
            "10.1.0.0/16",
        ),
        ("--trusted-proxies=proxy", "is not a network", "10.1.0.0/16"),
        ("--log-format=xml", "is not a format", "`json` or `text`"),
        ("--log-level=trace", "is not a level", "`debug`"),
        (
            "--limits-body-bytes=1",
            "is out of bounds",
            "write 1024 to 1048576",
        ),
        ("--limits-idle=0s", "is too short", "write 1s to 10m"),
    ] {
        let (name, value) = flag.split_once('=').expect("a value");
        if problem.is_empty() {
            // The default of the token gives way to a shorter idle.
            assert_eq!(good(FILE, &[flag]).session.token, Duration::from_secs(240));
            continue;
        }
        let told = read(FILE, &[flag]).expect_err(flag);
        assert!(
            told.starts_with(&format!("error: {name}: ")),
            "{flag}: {told}"
        );
        let (first, mended) = told.split_once("\nmend: ").expect("a mend");
        assert!(
            first.contains(problem) && mended.contains(mend),
            "{flag}: {told}"
        );
        assert!(
            value.is_empty()
                || SETTINGS
                    .iter()
                    .any(|own| format!("--{}", own.flag()) == name)
        );
    }
}

#[test]
fn no_error_shows_a_password_from_a_url() {
    for store in [
        "redis://:hunter2@h",
        "redis://u:hunter2@h:1/0",
        "rediss-sentinel://h,:hunter2@h/m",
    ] {
        let told = read(FILE, &["--session-store", store]).expect_err(store);
        assert!(
            told.contains("password_file") && !told.contains("hunter2"),
            "{told}"
        );
    }
    let told = told_of(FILE, "  cookie:", "  store: redis://:hunter2@h\n  cookie:");
    assert!(
        told.contains("companion.yaml:8:10: session.store: "),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
    for (piece, other, name) in [
        (
            "    client_id",
            "    client_secret: hunter2\n    client_id",
            "client_secret_file",
        ),
        (
            "  cookie:",
            "  redis: {password: hunter2}\n  cookie:",
            "password_file",
        ),
    ] {
        let told = told_of(FILE, piece, other);
        assert!(told.contains(&format!("name one in `{name}`")), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn several_providers_need_names_and_the_file() {
    let two = "  - {name: b, issuer: https://b.example.com, client_id: b}\n";
    let file = FILE.replace("session:", &format!("{two}session:"));
    let told = read(&file, &[]).expect_err("a nameless one");
    assert!(told.contains("4:5: providers[0]: no `name`"), "{told}");
    let file = file.replace("  - issuer", "  - name: b\n    issuer");
    let told = read(&file, &[]).expect_err("twice");
    assert!(
        told.contains("providers[1].name: `b` is the name of `providers[0]` too"),
        "{told}"
    );
    let file = file.replace("  - name: b\n", "  - name: a\n");
    assert_eq!(good(&file, &[]).providers.len(), 2);
    let told = read(&file, &["--provider-client-id=x"]).expect_err("which one");
    assert!(
        told.starts_with("error: --provider-client-id: the file has 2 providers"),
        "{told}"
    );
}

#[test]
fn networks_have_the_addresses_that_begin_like_them() {
    let flags = ["--trusted-proxies=10.1.0.0/16,192.0.2.7,fd00::/8,2001:db8::1"];
    let proxies = good(FILE, &flags).trusted_proxies;
    for (address, has) in [
        ("10.1.0.0", true),
        ("10.1.255.255", true),
        ("::ffff:10.1.2.3", true),
        ("10.0.255.255", false),
        ("10.2.0.0", false),
        ("192.0.2.7", true),
        ("192.0.2.6", false),
        ("fdff::1", true),
        ("fc00::1", false),
        ("2001:db8::1", true),
        ("2001:db8::2", false),
        ("::a01:203", false),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(proxies.has(address), has, "{address}");
    }
    assert!(!proxies.has_unix());
    assert!(
        good(FILE, &["--trusted-proxies=unix"])
            .trusted_proxies
            .has_unix()
    );
}

#[test]
fn a_domain_holds_itself_and_what_is_under_it() {
    for (host, held) in [
        ("example.com", true),
        ("a.example.com", true),
        ("a.b.example.com", true),
        ("evilexample.com", false),
        ("example.com.evil.example", false),
        ("com", false),
        ("", false),
    ] {
        assert_eq!(holds("example.com", host), held, "{host}");
    }
}

#[test]
fn the_help_tells_of_every_setting() {
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
    // The example in it is one that works.
    let example = help
        .split("takes it:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\nThe policy").next());
    let example = example.expect("an example").replace("\n  ", "\n");
    let config = good(&example, &[]);
    assert_eq!(config.session.cookie.domain.as_deref(), Some("example.com"));
    assert_eq!(
        config.metrics.map(|listen| listen.to_string()).as_deref(),
        Some("127.0.0.1:9180")
    );
}

#[test]
fn no_damaged_file_makes_a_panic() {
    let strange = ["", "\0", "{", "[", ":", "\n", "- ", "é"];
    for at in 0..FULL.len() {
        let strange = strange[at % strange.len()];
        let text = [&FULL[..at], strange, &FULL[at + 1..]].concat();
        let file = Document::parse("c.yaml".into(), text.into(), "");
        let source = file.and_then(|file| source::Source::new(Some(file), HashMap::new()));
        if let Err(report) = source.and_then(|source| Config::read(&source)) {
            assert!(report.to_string().contains("\nmend: "), "{report}");
        }
    }
}
