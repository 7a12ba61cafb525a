//! Sessions, their store, and addresses.

use serde_json::json;

use super::*;

#[test]
fn lifetimes_are_kept_within_the_bounds() {
    for (expire, lifetime, outcome) in [
        ("12h", json!("12h"), Outcome::Kept),
        ("168h0m0s", json!("168h"), Outcome::Kept),
        ("8760h", json!("720h"), Outcome::Changed),
        ("0", json!(null), Outcome::Changed),
    ] {
        let mapped = with(&[&format!("--cookie-expire={expire}")]);
        assert_eq!(
            companion(&mapped, "/session/lifetime"),
            lifetime,
            "{expire}"
        );
        assert_eq!(
            line(&mapped, "--cookie-expire").outcome,
            outcome,
            "{expire}"
        );
    }
}

#[test]
fn redis_is_kept_without_its_passwords() {
    let redis = |flags: &[&str]| {
        let all = [&["--session-store-type=redis"], flags].concat();
        let mapped = with(&all);
        let store = companion(&mapped, "/session/store");
        (mapped, store)
    };
    let (one, store) = redis(&[
        "--redis-connection-url=rediss://ada:s3cret@redis.example.com/2",
        "--redis-ca-path=/ca.pem",
    ]);
    assert_eq!(store, json!("rediss://redis.example.com:6379/2"));
    assert_eq!(
        companion(&one, "/session/redis"),
        json!({"username": "ada", "password_file": "redis-password", "ca_file": "/ca.pem"})
    );
    let url = line(&one, "--redis-connection-url");
    assert_eq!(url.outcome, Outcome::NeedsYou);
    assert!(!url.value.as_deref().unwrap().contains("s3cret"), "{url:?}");
    let (_, store) = redis(&[
        "--redis-use-sentinel",
        "--redis-sentinel-master-name=main",
        "--redis-sentinel-connection-urls=redis://a:1,redis://b",
    ]);
    assert_eq!(store, json!("redis-sentinel://a:1,b:26379/main"));
    let (_, store) = redis(&[
        "--redis-use-cluster",
        "--redis-cluster-connection-urls=redis://a:1,redis://b:2",
    ]);
    assert_eq!(store, json!("redis-cluster://a:1,b:2"));
    let (bad, store) = redis(&["--redis-connection-url=unix:///run/redis"]);
    assert_eq!(store, json!(null));
    assert_eq!(
        line(&bad, "--redis-connection-url").outcome,
        Outcome::NeedsYou
    );
    let unused = with(&["--redis-password=s3cret"]);
    assert_eq!(line(&unused, "--redis-password").outcome, Outcome::Dropped);
}

#[test]
fn addresses_are_those_of_go() {
    for (address, listen) in [
        ("0.0.0.0:4180", json!("0.0.0.0:4180")),
        (":4180", json!("0.0.0.0:4180")),
        ("http://127.0.0.1:4180", json!("127.0.0.1:4180")),
        ("localhost:80", json!("127.0.0.1:80")),
        ("unix:///run/proxy.sock", json!("unix:/run/proxy.sock")),
        ("fd:3", json!(null)),
        ("proxy.example.com:4180", json!(null)),
    ] {
        let mapped = with(&[&format!("--http-address={address}")]);
        assert_eq!(companion(&mapped, "/listen"), listen, "{address}");
        let is_used = listen.is_string();
        assert_eq!(
            line(&mapped, "--http-address").outcome == Outcome::Kept,
            is_used,
            "{address}"
        );
    }
    let tls = with(&[
        "--http-address=:80",
        "--https-address=:443",
        "--tls-cert-file=/c.pem",
        "--tls-key-file=/k.pem",
    ]);
    assert_eq!(companion(&tls, "/listen"), json!("0.0.0.0:443"));
    assert_eq!(
        companion(&tls, "/tls"),
        json!({"cert": "/c.pem", "key": "/k.pem"})
    );
    assert_eq!(line(&tls, "--http-address").outcome, Outcome::Dropped);
}

#[test]
fn proxies_must_be_listed() {
    let listed = with(&["--reverse-proxy", "--trusted-proxy-ip=10.0.0.0/8,192.0.2.1"]);
    assert_eq!(
        companion(&listed, "/trusted_proxies"),
        json!(["10.0.0.0/8", "192.0.2.1"])
    );
    let all = with(&["--reverse-proxy", "--trusted-proxy-ip=0.0.0.0/0"]);
    assert_eq!(companion(&all, "/trusted_proxies"), json!(null));
    assert_eq!(line(&all, "--trusted-proxy-ip").outcome, Outcome::NeedsYou);
    let none = with(&["--reverse-proxy"]);
    assert_eq!(line(&none, "--reverse-proxy").outcome, Outcome::NeedsYou);
    let some = with(&["--trusted-proxy-ip=10.0.0.1,x"]);
    assert_eq!(companion(&some, "/trusted_proxies"), json!(["10.0.0.1"]));
    assert_eq!(line(&some, "--trusted-proxy-ip").outcome, Outcome::NeedsYou);
}

#[test]
fn redirect_targets_are_kept() {
    let mapped = with(&["--whitelist-domain=*.example.com,.example.org:8443,tools.example.net"]);
    assert_eq!(
        companion(&mapped, "/redirect_hosts"),
        json!([".example.com", ".example.org:8443", "tools.example.net"])
    );
    let any_port = with(&["--whitelist-domain=a.example.com:*"]);
    assert_eq!(
        companion(&any_port, "/redirect_hosts"),
        json!(["a.example.com"])
    );
    assert_eq!(
        line(&any_port, "--whitelist-domain").outcome,
        Outcome::NeedsYou
    );
}
