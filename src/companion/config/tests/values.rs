use super::*;
use crate::http_client::Connect;
use crate::provider::{ClientAuthentication, EndSessionEndpoint, ProxySettings};
use crate::session::{RedisSettings, RedisTopology, SameSite, StoreSettings};
use portcullis_core::token::Algorithm;

#[test]
fn omitted_settings_have_their_defaults() {
    let config = good(FILE, &[]);
    assert_eq!(
        config.sign_in.as_ref().unwrap().public_url.as_str(),
        "https://auth.example.com"
    );
    assert_eq!(config.listen.to_string(), "127.0.0.1:4180");
    assert_eq!(config.metrics, None);
    assert_eq!(config.policy, Path::new("etc/portcullis.yaml"));
    let [provider] = &*config.sign_in.as_ref().unwrap().providers else {
        panic!("one provider");
    };
    assert_eq!(provider.name, "sso");
    assert_eq!(provider.issuer, "https://gitlab.example.com");
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert_eq!(provider.groups_claim, ["groups"]);
    assert_eq!(provider.client_authentication, ClientAuthentication::None);
    assert_eq!(provider.end_session, EndSessionEndpoint::Discovered);
    assert_eq!(provider.timeout, Duration::from_secs(10));
    assert_eq!((&provider.discovery, &provider.algorithms), (&None, &None));
    assert!(provider.authorize_params.is_empty() && provider.tenants.is_empty());
    let session = &config.sign_in.as_ref().unwrap().session;
    assert_eq!(session.keys_file, Path::new("etc/secrets/session-keys"));
    let times = [session.lifetime, session.idle, session.token];
    assert_eq!(times, [43_200, 3_600, 300].map(Duration::from_secs));
    let store = StoreSettings::Cookie {
        state_file: "etc/secrets/session-keys.state".into(),
    };
    assert_eq!(session.store, store);
    let mut elsewhere = good(FILE, &["--session-state-file=/var/state"]);
    let store = StoreSettings::Cookie {
        state_file: "/var/state".into(),
    };
    assert_eq!(elsewhere.sign_in().session.store, store);
    assert_eq!(session.cookie.same_site, SameSite::Lax);
    assert_eq!(config.trusted_proxies, TrustedProxies::default());
    assert_eq!((config.tls, config.redirect_hosts), (None, None));
    assert_eq!(config.log.format, Format::Json);
    assert_eq!(config.limits.request, Duration::from_secs(30));
}

#[test]
fn the_file_of_a_session_store_is_relative_to_the_configuration() {
    let file = FILE.replace("  cookie:", "  store: file:state/sessions\n  cookie:");
    for (file, flags, path) in [
        (&*file, &[][..], "etc/state/sessions"),
        (FILE, &["--session-store=file:sessions"], "sessions"),
        (
            FILE,
            &["--session-store=file:/var/sessions"],
            "/var/sessions",
        ),
    ] {
        let store = good(file, flags).sign_in().session.store.clone();
        let path = path.into();
        assert_eq!(store, StoreSettings::File { path });
    }
}

#[test]
fn every_setting_of_the_file_is_read() {
    let config = good(FULL, &[]);
    assert_eq!(
        (
            config.sign_in.as_ref().unwrap().public_url.host(),
            config.sign_in.as_ref().unwrap().public_url.port()
        ),
        ("auth.example.com", 8443)
    );
    let path = PathBuf::from("etc/run/socket");
    assert_eq!(config.listen, Listen::Unix { path, mode: 0o600 });
    assert_eq!(
        config.metrics.map(|listen| listen.to_string()).as_deref(),
        Some("[::1]:9180")
    );
    assert_eq!(config.policy, Path::new("/etc/portcullis.yaml"));
    let [provider, other] = &*config.sign_in.as_ref().unwrap().providers else {
        panic!("two providers");
    };
    assert_eq!((&*provider.name, &*other.name), ("gitlab", "other"));
    // Byte for byte: the slash is part of it.
    assert_eq!(provider.issuer, "https://gitlab.example.com/");
    assert_eq!(
        provider.client_authentication,
        ClientAuthentication::Secret("/run/secrets/client".into())
    );
    assert_eq!(provider.audiences, ["project", "other"]);
    assert!(other.audiences.is_empty());
    assert_eq!(provider.scopes, ["openid", "groups"]);
    assert_eq!(provider.groups_claim, ["realm_access", "roles"]);
    assert!(provider.trust_unverified_email && !other.trust_unverified_email);
    assert_eq!(provider.ca_file.as_deref(), Some(Path::new("etc/ca.pem")));
    assert_eq!(
        provider.discovery.as_ref().map(|url| url.as_str()),
        Some("https://gitlab.example.com/metadata?p=flow")
    );
    assert_eq!(
        provider.algorithms.as_deref(),
        Some(&[Algorithm::Es256, Algorithm::Rs256][..])
    );
    let parameters = [("access_type", "offline"), ("prompt", "consent")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(provider.authorize_params, parameters);
    let end_session = "https://gitlab.example.com/logout?client_id=a".to_owned();
    assert_eq!(provider.end_session, EndSessionEndpoint::Url(end_session));
    assert_eq!(provider.timeout, Duration::from_secs(7));
    let proxy = ProxySettings::parse("http://gate:hunter2@proxy:3128", None);
    assert_eq!(provider.proxy, proxy.ok());
    let session = &config.sign_in.as_ref().unwrap().session;
    let times = [session.lifetime, session.idle, session.token];
    assert_eq!(times, [36_000, 1_800, 60].map(Duration::from_secs));
    let redis = RedisSettings {
        topology: RedisTopology::Sentinel("main".into()),
        nodes: vec![("one".into(), 1), ("[::1]".into(), 26379)],
        tls: true,
        database: 3,
        username: Some("portcullis".into()),
        password_file: Some("etc/redis".into()),
        ca_file: Some("etc/redis.pem".into()),
        sentinel_username: Some("watcher".into()),
        sentinel_password_file: Some("etc/sentinel".into()),
    };
    assert_eq!(session.store, StoreSettings::Redis(redis));
    let cookie = session::Cookie {
        domain: Some("example.com".into()),
        same_site: SameSite::None,
    };
    assert_eq!(session.cookie, cookie);
    let connection = IssuerConnection {
        connect: Some(Connect {
            host: "10.1.0.1".into(),
            port: 6443,
        }),
        ca_file: Some("etc/staging.pem".into()),
        token_file: Some("/run/token".into()),
    };
    assert_eq!(
        config.trust,
        BTreeMap::from([("staging".into(), connection)])
    );
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
fn several_providers_need_unique_names_in_the_file() {
    let two = "  - {name: b, issuer: https://b.example.com, client_id: b}\n";
    let file = FILE.replace("session:", &format!("{two}session:"));
    let error = read(&file, &[]).expect_err("a nameless one");
    assert!(
        error.contains("4:5: providers[0]: missing field `name`"),
        "{error}"
    );
    // The flag would be refused.
    assert!(!error.contains("--provider-name"), "{error}");
    let file = file.replace("  - issuer", "  - name: b\n    issuer");
    let error = read(&file, &[]).expect_err("twice");
    assert!(
        error.contains("providers[1].name: `b` is also the name of `providers[0]`"),
        "{error}"
    );
    let file = file.replace("  - name: b\n", "  - name: a\n");
    assert_eq!(good(&file, &[]).sign_in().providers.len(), 2);
    let error = read(&file, &["--provider-client-id=x"]).expect_err("which one");
    assert!(
        error.starts_with("error: --provider-client-id: ambiguous: the file has 2 providers"),
        "{error}"
    );
}

#[test]
fn networks_contain_the_addresses_with_their_prefix() {
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
        assert_eq!(proxies.contains(address), has, "{address}");
    }
    // Written as a socket on `[::]` shows them, they are the same.
    let flags = ["--trusted-proxies=::ffff:10.1.0.0/112,::ffff:192.0.2.7"];
    let mapped = good(FILE, &flags).trusted_proxies;
    for (address, has) in [
        ("10.1.255.255", true),
        ("::ffff:10.1.2.3", true),
        ("10.2.0.0", false),
        ("192.0.2.7", true),
        ("192.0.2.6", false),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(mapped.contains(address), has, "{address}");
    }
    assert!(!proxies.contains_unix());
    assert!(
        good(FILE, &["--trusted-proxies=unix"])
            .trusted_proxies
            .contains_unix()
    );
}

#[test]
fn a_domain_covers_itself_and_its_subdomains() {
    for (host, held) in [
        ("example.com", true),
        ("a.example.com", true),
        ("a.b.example.com", true),
        ("evilexample.com", false),
        ("example.com.evil.example", false),
        ("com", false),
        ("", false),
    ] {
        assert_eq!(domain_matches("example.com", host), held, "{host}");
    }
}

#[test]
fn probable_mistakes_are_warnings() {
    let warnings = |flags: &[&str], variables: &[&str]| {
        let variables = variables.iter().map(Into::into);
        good(FILE, flags).warnings(variables)
    };
    // A setting's own, others', and what Kubernetes sets for a service of this name.
    let known = [
        "HOME",
        "PORTCULLIS_CONFIG",
        "PORTCULLIS_LOG_FORMAT",
        "PORTCULLIS_PORT",
        "PORTCULLIS_PORT_4180_TCP_ADDR",
        "PORTCULLIS_SERVICE_HOST",
    ];
    assert_eq!(warnings(&[], &known), [""; 0]);
    let error = warnings(&[], &["PORTCULLIS_TRUSTED_PROXY", "PORTCULLIS_LOG_FROMAT"]);
    let [first, second] = &*error else {
        panic!("{error:?}");
    };
    assert!(first.contains("PORTCULLIS_LOG_FROMAT"), "{first}");
    assert!(second.contains("PORTCULLIS_TRUSTED_PROXY"), "{second}");
    for (flags, is_warned) in [
        (&["--listen=127.0.0.1:1"][..], false),
        (&["--listen=[::1]:1"], false),
        (&["--listen=unix:socket"], false),
        (&["--listen=0.0.0.0:1"], true),
        (&["--listen=[::]:1"], true),
        (&["--listen=10.1.2.3:1"], true),
        (
            &["--listen=0.0.0.0:1", "--tls-cert=a", "--tls-key=b"],
            false,
        ),
    ] {
        let error = warnings(flags, &[]);
        let in_clear = error.iter().any(|doubt| doubt.contains("unencrypted"));
        assert_eq!(in_clear, is_warned, "{flags:?}: {error:?}");
    }
}

#[test]
fn sign_in_is_off_without_providers_and_session() {
    let config = good("policy: p.yaml\ntrusted_proxies: [10.0.0.0/8]\n", &[]);
    assert!(config.sign_in.is_none());
    // A public URL alone does not turn it on.
    assert!(
        good("", &["--policy=p", "--url=https://a.example.com"])
            .sign_in
            .is_none()
    );
    assert!(good("", &["--policy=p"]).sign_in.is_none());
}

#[test]
fn incomplete_sign_in_names_the_missing_field() {
    let provider = "providers: [{issuer: https://a.example.com, client_id: a}]\n";
    let (url, policy) = ("url: https://auth.example.com\n", "policy: p.yaml\n");
    let session = "session: {keys_file: keys}\n";
    for (file, missing) in [
        (
            [url, policy, provider].concat(),
            "missing field `keys_file`",
        ),
        ([url, policy, session].concat(), "missing field `providers`"),
        ([policy, provider, session].concat(), "missing field `url`"),
        (
            [url, policy, "providers: []\n"].concat(),
            "missing field `providers`",
        ),
        (
            [url, policy, "session: {}\n"].concat(),
            "missing field `providers`",
        ),
    ] {
        let error = read(&file, &[]).expect_err(missing);
        assert!(
            error.contains(missing) && error.contains("\nhelp: "),
            "{error}"
        );
    }
    let flags = [
        "--policy=p",
        "--url=https://auth.example.com",
        "--provider-client-id=a",
    ];
    let error = read("", &flags).expect_err("no issuer");
    assert!(error.contains("missing field `issuer`"), "{error}");
}
