use super::*;

#[test]
fn a_value_that_cannot_be_is_refused_with_the_mend() {
    for (flag, problem, help) in [
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
            "--trusted-proxies=0.0.0.0/1",
            "is everybody",
            "name the proxies",
        ),
        (
            "--trusted-proxies=128.0.0.0/7",
            "is everybody",
            "name the proxies",
        ),
        (
            "--trusted-proxies=8000::/1",
            "is everybody",
            "name the proxies",
        ),
        (
            "--trusted-proxies=::ffff:0.0.0.0/96",
            "is everybody",
            "name the proxies",
        ),
        (
            "--trusted-proxies=::ffff:10.1.0.0/129",
            "is not a network",
            "10.1.0.0/16",
        ),
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
            assert_eq!(
                good(FILE, &[flag]).sign_in().session.token,
                Duration::from_secs(240)
            );
            continue;
        }
        let told = read(FILE, &[flag]).expect_err(flag);
        assert!(
            told.starts_with(&format!("error: {name}: ")),
            "{flag}: {told}"
        );
        let (first, helped) = told.split_once("\nhelp: ").expect("a help");
        assert!(
            first.contains(problem) && helped.contains(help),
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
