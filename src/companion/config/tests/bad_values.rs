use super::*;

#[test]
fn an_invalid_value_is_refused_with_help() {
    for (flag, problem, help) in [
        (
            "--url=http://auth.example.com",
            "plain HTTP",
            "write `url: https",
        ),
        (
            "--url=https://auth.example.com/",
            "has a path",
            "write `url: https",
        ),
        (
            "--url=https://auth.example.com/oauth2",
            "has a path",
            "write `url: https",
        ),
        (
            "--url=https://user@auth.example.com",
            "is not `https://` with a host",
            "write `url: https",
        ),
        (
            "--url=https://auth.example.com:0",
            "is not `https://` with a host",
            "write `url: https",
        ),
        (
            "--url=auth.example.com",
            "is not `https://` with a host",
            "write `url: https",
        ),
        ("--listen=4180", "is not an address", "127.0.0.1:4180"),
        (
            "--listen=localhost:4180",
            "is not an address",
            "127.0.0.1:4180",
        ),
        (
            "--listen=unix:",
            "has no socket path",
            "write `unix:` and a path",
        ),
        (
            "--metrics=127.0.0.1:4180",
            "is the same address as `listen`",
            "another port, which users can't reach",
        ),
        ("--provider-name=SSO", "is not a valid name", "lower-case"),
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
            "has a space",
            "as the provider shows it",
        ),
        (
            "--provider-audiences=project,a b",
            "has a space",
            "as the provider shows it",
        ),
        (
            "--provider-scopes=email",
            "`openid` is missing",
            "add `openid`",
        ),
        (
            "--provider-scopes=openid,a b",
            "is not a valid scope",
            "one scope for each element",
        ),
        (
            "--provider-groups-claim=",
            "is an empty list",
            "the name of a claim",
        ),
        (
            "--provider-trust-unverified-email=yes",
            "is not a boolean",
            "write `true` or `false`",
        ),
        (
            "--provider-trust-unverified-email=",
            "is not a boolean",
            "write `true` or `false`",
        ),
        ("--provider-timeout=0s", "is too short", "write 1s to 15s"),
        ("--provider-timeout=16s", "is too long", "write 1s to 15s"),
        (
            "--provider-timeout=5",
            "is not a duration",
            "from 1s to 15s",
        ),
        (
            "--provider-discovery=http://gitlab.example.com/metadata",
            "is not `https`",
            "the URL of the provider's metadata",
        ),
        (
            "--provider-discovery=https://gitlab.example.com/#x",
            "has a fragment",
            "the URL of the provider's metadata",
        ),
        (
            "--provider-discovery=metadata",
            "is not a URL",
            "the URL of the provider's metadata",
        ),
        (
            "--provider-algorithms=RS256,HS256",
            "is not an accepted algorithm",
            "some of EdDSA, ES256",
        ),
        (
            "--provider-algorithms=none",
            "is not an accepted algorithm",
            "some of EdDSA, ES256",
        ),
        (
            "--provider-algorithms=",
            "is an empty list",
            "some of EdDSA, ES256",
        ),
        (
            "--provider-end-session=no",
            "is not a URL",
            "`true`, `false` or an `https` URL",
        ),
        (
            "--provider-end-session=http://gitlab.example.com/logout",
            "is not `https`",
            "`true`, `false` or an `https` URL",
        ),
        (
            "--provider-end-session=https://u:p@gitlab.example.com/logout",
            "has a user",
            "`true`, `false` or an `https` URL",
        ),
        (
            "--provider-proxy=socks5://proxy:1080",
            "is not the URL of an HTTP proxy",
            "write `http://HOST:PORT`",
        ),
        (
            "--provider-proxy=proxy:3128",
            "is not the URL of an HTTP proxy",
            "write `http://HOST:PORT`",
        ),
        (
            "--provider-tenants=contoso.example.com",
            "is not the ID of a tenant",
            "write a GUID",
        ),
        (
            "--provider-tenants=72f988bf-86f1-41af-91ab-2d7cd011db47",
            "is not a template with `{tenantid}`",
            "or remove `tenants`",
        ),
        (
            "--provider-issuer=https://login.example.com/{tenantid}/v2.0",
            "no tenant is accepted",
            "in `tenants`",
        ),
        ("--session-lifetime=4s", "is too short", "write 5s to 720h"),
        ("--session-lifetime=721h", "is too long", "write 5s to 720h"),
        ("--session-token=16m", "is too long", "write 5s to 15m"),
        (
            "--session-idle=13h",
            "longer than `session.lifetime`",
            "at most `lifetime`",
        ),
        ("--session-idle=4m", "", ""),
        (
            "--session-store=memcached://a",
            "is not a session store",
            "redis-cluster://",
        ),
        (
            "--session-store=redis-sentinel://a",
            "has no master name",
            "redis-sentinel://HOST",
        ),
        (
            "--session-store=redis-cluster://a/1",
            "a cluster has only one",
            "redis-cluster://HOST",
        ),
        (
            "--session-store=file:",
            "`file:` is not the path of a file",
            "write `file:` and a path",
        ),
        (
            "--session-store=file:///var/sessions",
            "`file:///var/sessions` is not the path of a file",
            "write `file:` and a path",
        ),
        (
            "--session-store=redis://a,b",
            "has several servers",
            "redis://HOST",
        ),
        (
            "--session-store=redis://",
            "has an invalid host",
            "redis://HOST",
        ),
        (
            "--session-store=redis://a/x",
            "has an invalid database number",
            "redis://HOST",
        ),
        (
            "--session-redis-username=a",
            "is for the Redis store",
            "`session.store`",
        ),
        (
            "--session-redis-password-file=a",
            "is for the Redis store",
            "`session.store`",
        ),
        (
            "--session-redis-sentinel-password-file=a",
            "is for the Redis store",
            "`session.store`",
        ),
        (
            "--session-cookie-domain=.example.com",
            "begins with a dot",
            "write `example.com`",
        ),
        (
            "--session-cookie-domain=com",
            "has only one label",
            "portcullis.localhost",
        ),
        (
            "--session-cookie-domain=localhost",
            "has only one label",
            "portcullis.localhost",
        ),
        (
            "--session-cookie-domain=other.com",
            "does not cover the host of `url`",
            "auth.example.com",
        ),
        (
            "--session-cookie-domain=xample.com",
            "does not cover the host of `url`",
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
            "would prevent sign-in",
            "write `lax`",
        ),
        (
            "--session-cookie-same-site=Lax",
            "is not a valid value",
            "write `lax`",
        ),
        ("--trust-connect=staging", "has no `=`", "NAME=VALUE"),
        (
            "--trust-connect=staging=10.1.0.1",
            "is not a host and a port",
            "10.1.0.1:6443",
        ),
        (
            "--trust-connect=staging=a:1,staging=b:1",
            "duplicate name `staging`",
            "remove one",
        ),
        (
            "--redirect-hosts=https://a.example.com",
            "is not a valid host",
            "a host, with a port",
        ),
        (
            "--trusted-proxies=0.0.0.0/0",
            "is too large",
            "list the proxies",
        ),
        ("--trusted-proxies=::/0", "is too large", "list the proxies"),
        (
            "--trusted-proxies=0.0.0.0/1",
            "is too large",
            "list the proxies",
        ),
        (
            "--trusted-proxies=128.0.0.0/7",
            "is too large",
            "list the proxies",
        ),
        (
            "--trusted-proxies=8000::/1",
            "is too large",
            "list the proxies",
        ),
        (
            "--trusted-proxies=::ffff:0.0.0.0/96",
            "is too large",
            "list the proxies",
        ),
        (
            "--trusted-proxies=::ffff:10.1.0.0/129",
            "is not a network",
            "10.1.0.0/16",
        ),
        (
            "--trusted-proxies=10.1.2.3/16",
            "has host bits set",
            "write `10.1.0.0/16`",
        ),
        (
            "--trusted-proxies=10.1.0.0/33",
            "is not a network",
            "10.1.0.0/16",
        ),
        ("--trusted-proxies=proxy", "is not a network", "10.1.0.0/16"),
        (
            "--log-format=xml",
            "is not a log format",
            "`json` or `text`",
        ),
        (
            "--session-groups=none",
            "is not a valid value",
            "`all`, or `policy`",
        ),
        ("--log-level=trace", "is not a log level", "`debug`"),
        (
            "--limits-body-bytes=1",
            "is out of range",
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
        let error = read(FILE, &[flag]).expect_err(flag);
        assert!(
            error.starts_with(&format!("error: {name}: ")),
            "{flag}: {error}"
        );
        let (first, helped) = error.split_once("\nhelp: ").expect("a help");
        assert!(
            first.contains(problem) && helped.contains(help),
            "{flag}: {error}"
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
        let error = read(FILE, &["--session-store", store]).expect_err(store);
        assert!(
            error.contains("password_file") && !error.contains("hunter2"),
            "{error}"
        );
    }
    let error = error_of(FILE, "  cookie:", "  store: redis://:hunter2@h\n  cookie:");
    assert!(
        error.contains("companion.yaml:8:10: session.store: "),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
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
        let error = error_of(FILE, piece, other);
        assert!(
            error.contains(&format!("set `{name}` to a file name")),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn no_error_shows_a_password_wherever_it_is() {
    for (piece, other) in [
        ("  cookie:", "  store: redis:u:hunter2@h\n  cookie:"),
        ("  cookie:", "  store: u:hunter2@h:6379\n  cookie:"),
        (
            "  cookie:",
            "  store: redis://u:hunter2%40h:6379/0\n  cookie:",
        ),
        (
            "  cookie:",
            "  store: redis://h/0?password=hunter2\n  cookie:",
        ),
        (
            "https://gitlab.example.com",
            "https://u:hunter2@gitlab.example.com",
        ),
        ("url: https://", "url: https://u:hunter2@"),
        (
            "session:",
            "trust: {blue: {connect: u:hunter2@h:1}}\nsession:",
        ),
        (
            "    client_id",
            "    proxy: socks5://u:hunter2@h\n    client_id",
        ),
        (
            "    client_id",
            "    proxy: u:hunter2@h:3128\n    client_id",
        ),
        (
            "    client_id",
            "    end_session: https://u:hunter2@h/logout\n    client_id",
        ),
        // Another value in the same line is what is wrong.
        (
            "session:",
            "redirect_hosts: {a: redis://u:hunter2@h}\nsession:",
        ),
        (
            "  cookie:",
            "  redis: {usernam: p, password: hunter2}\n  cookie:",
        ),
    ] {
        let error = error_of(FILE, piece, other);
        assert!(error.contains("help: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    for flag in [
        "--url",
        "--provider-issuer",
        "--provider-discovery",
        "--provider-end-session",
        "--provider-proxy",
        "--session-store",
    ] {
        let error = read(FILE, &[flag, "http:u:hunter2@h"]).expect_err(flag);
        assert!(
            error.contains(flag) && !error.contains("hunter2"),
            "{error}"
        );
    }
}
