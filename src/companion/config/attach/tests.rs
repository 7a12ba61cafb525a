use axum::http::Uri;
use axum::http::header::{COOKIE, PROXY_AUTHORIZATION};

use super::*;
use crate::schema::tests::{mutations, validator};

mod flags;

const FILE: &str = "\
token_file: /run/token
ca_file: ca.pem
keep_headers: [Cookie]
allow_remote: true
listen_mode: \"0600\"
metrics: 127.0.0.1:9180
forwards:
  - listen: 127.0.0.1:9093
    to: https://alertmanager.example.com
  - listen: unix:run/socket
    to: https://green.example.com:8443/alertmanager/
    connect: \"[::1]:8443\"
    token_file: green/token
    ca_file: green/ca.pem
    keep_headers: [proxy-authorization]
  - {listen: \"0.0.0.0:9094\", to: \"http://127.0.0.1:3000\"}
log: {format: text, level: debug}
limits: {connections: 7, header_bytes: 9000, connect: 3s, header: 4s, request: 5s, idle: 6s, shutdown: 7s}
";

fn parse(text: &str) -> Result<AttachConfig, String> {
    let config = AttachConfig::parse("etc/attach.yaml", text.into());
    config.map_err(|report| report.to_string())
}

/// The error after `piece` was replaced.
fn error_of(piece: &str, other: &str) -> String {
    let text = FILE.replacen(piece, other, 1);
    assert_ne!(text, FILE, "{piece}");
    parse(&text).expect_err(other)
}

#[test]
fn every_setting_is_read() {
    let config = parse(FILE).unwrap_or_else(|report| panic!("{report}"));
    let [first, second, third] = &*config.forwards else {
        panic!("{config:?}");
    };
    assert_eq!(first.listen.to_string(), "127.0.0.1:9093");
    assert_eq!(first.target.to_string(), "https://alertmanager.example.com");
    assert_eq!(first.token_file, Path::new("/run/token"));
    assert_eq!(first.ca_file.as_deref(), Some(Path::new("etc/ca.pem")));
    assert_eq!(first.kept_headers, [COOKIE]);
    // Browsers reach loopback, also if other machines may connect.
    let refuses = config.forwards.iter();
    let refuses: Vec<bool> = refuses
        .map(|forward| forward.refuses_foreign_pages)
        .collect();
    assert_eq!(refuses, [true, false, false]);
    let socket = Listen::Unix {
        path: "etc/run/socket".into(),
        mode: 0o600,
    };
    assert_eq!(second.listen, socket);
    let target = "https://green.example.com:8443/alertmanager";
    assert_eq!(second.target.to_string(), target);
    let connect = Connect {
        host: "::1".to_owned(),
        port: 8443,
    };
    assert_eq!((&first.connect, &second.connect), (&None, &Some(connect)));
    assert_eq!(second.token_file, Path::new("etc/green/token"));
    assert_eq!(
        second.ca_file.as_deref(),
        Some(Path::new("etc/green/ca.pem"))
    );
    assert_eq!(second.kept_headers, [PROXY_AUTHORIZATION]);
    assert_eq!(third.target.to_string(), "http://127.0.0.1:3000");
    let metrics = config.metrics.as_ref().map(ToString::to_string);
    assert_eq!(metrics.as_deref(), Some("127.0.0.1:9180"));
    let limits = &config.limits;
    assert_eq!((limits.connections, limits.header_bytes), (7, 9000));
    let seconds = [
        config.connect_timeout,
        limits.header,
        limits.request,
        limits.idle,
        limits.shutdown,
    ];
    assert_eq!(seconds.map(|limit| limit.as_secs()), [3, 4, 5, 6, 7]);
}

#[test]
fn defaults() {
    let text =
        "token_file: t\nforwards: [{listen: \"127.0.0.1:1\", to: \"https://a.example.com\"}]\n";
    let config = parse(text).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.forwards[0].ca_file, None);
    assert!(config.forwards[0].refuses_foreign_pages);
    assert!(config.forwards[0].kept_headers.is_empty() && config.metrics.is_none());
    assert_eq!(config.limits.request.as_secs(), 120);
    assert_eq!(config.limits.connections, 256);
    assert_eq!(config.connect_timeout.as_secs(), 10);
}

#[test]
fn errors_have_a_location_and_say_how_to_correct_them() {
    for (piece, other, expected) in [
        (
            "token_file: /run",
            "tokenfile: /run",
            "error: etc/attach.yaml:1:1: tokenfile: unknown field `tokenfile`|help: did you mean `token_file`?",
        ),
        (
            "    to: https://alert",
            "    too: https://alert",
            "error: etc/attach.yaml:9:5: forwards[0].too: unknown field `too`|help: expected one of: listen, to, connect, token_file,",
        ),
        (
            "    to: https://alertmanager.example.com\n",
            "",
            "error: etc/attach.yaml:8:5: forwards[0]: missing field `to`|help: write the URL of the target",
        ),
        (
            "token_file: /run/token\n",
            "",
            ": forwards[0]: missing field `token_file`|help: write the path of the token, here or for all forwards",
        ),
        (
            "allow_remote: true",
            "allow_remote: false",
            ": `0.0.0.0:9094` is reachable from other machines, which could then use the token|`allow_remote: true`",
        ),
        (
            "unix:run/socket",
            "127.0.0.1:9093",
            ": `127.0.0.1:9093` is the address of another forward too|help: use one address for each target",
        ),
        (
            "127.0.0.1:9093",
            "9093",
            "expected a string, found a number|help: write \"9093\" in quotes",
        ),
        ("127.0.0.1:9093", "localhost:9093", "is not an address|"),
        (
            "https://alertmanager.example.com",
            "http://alertmanager.example.com",
            "is plain HTTP to another machine|help: write `https`",
        ),
        (
            "http://127.0.0.1:3000",
            "http://localhost:3000",
            "is plain HTTP to another machine|help: write `https`",
        ),
        (
            "https://alertmanager.example.com",
            "https://a.example.com/x?y=1",
            "has a query or a fragment|help: write `https://a.example.com/x`",
        ),
        (
            "https://alertmanager.example.com",
            "https://a.example.com/#x",
            "has a query or a fragment|",
        ),
        (
            "https://alertmanager.example.com",
            "alertmanager.example.com",
            "has no scheme|help: write a URL like",
        ),
        (
            "https://alertmanager.example.com",
            "ftp://a.example.com",
            "is neither `https` nor `http`|",
        ),
        (
            "https://alertmanager.example.com",
            "https://a_b.example.com",
            "has no valid host|",
        ),
        (
            "https://alertmanager.example.com",
            "https://a.example.com:0",
            "has no valid port|",
        ),
        (
            "[Cookie]",
            "[Authorization]",
            "`Authorization` always has the token of the token file|help: remove it",
        ),
        (
            "[Cookie]",
            "[Upgrade]",
            "`Upgrade` is a hop-by-hop header, which no proxy forwards|help: remove it",
        ),
        ("[Cookie]", "[Accept]", "`Accept` is forwarded anyway|"),
        ("[Cookie]", "[\"a b\"]", "is not the name of a header|"),
        ("connect: 3s", "connect: 0s", "`0s` is too short|"),
        (
            "\"[::1]:8443\"",
            "green",
            "`green` is not a host and a port|help: write a host and a port",
        ),
        (
            "https://green.example.com:8443",
            "http://127.0.0.1:8443",
            "forwards[1].connect: `connect` needs TLS|",
        ),
    ] {
        let error = error_of(piece, other);
        let (problem, help) = expected.split_once('|').expect("two parts");
        assert!(error.contains(problem), "{other}: {error}");
        assert!(error.contains(help), "{other}: {error}");
    }
    let error = parse("metrics: 127.0.0.1:1\n").expect_err("no forwards");
    assert!(error.contains("missing field `forwards`"), "{error}");
    let error = parse("token_file: a\nforwards: []\n").expect_err("no forwards");
    assert!(error.contains("missing field `forwards`"), "{error}");
    let error = parse("").expect_err("an empty file");
    assert!(error.contains("`portcullis attach --help`"), "{error}");
}

#[test]
fn a_password_in_a_url_is_not_shown() {
    let error = error_of(
        "https://alertmanager.example.com",
        "https://ada:hunter2@a.example.com",
    );
    assert!(error.contains("the URL has a user name"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn the_path_of_the_target_is_put_in_front() {
    for (target, request, expected) in [
        ("https://a.example.com", "/", "https://a.example.com/"),
        (
            "https://a.example.com/",
            "/api?x=1&y=%2F",
            "https://a.example.com/api?x=1&y=%2F",
        ),
        (
            "https://a.example.com/am/",
            "/api?x=1",
            "https://a.example.com/am/api?x=1",
        ),
        ("https://a.example.com/am", "/", "https://a.example.com/am/"),
        // As a client of a proxy sends it: the host is not that of the target.
        (
            "https://a.example.com",
            "http://b.example.com/api",
            "https://a.example.com/api",
        ),
        (
            "https://a.example.com",
            "//b.example.com/api",
            "https://a.example.com//b.example.com/api",
        ),
    ] {
        let located = Location::Override("--to").with_value(target.to_owned());
        let target = TargetUrl::parse(&located).unwrap_or_else(|report| panic!("{report}"));
        let parts = axum::http::uri::PathAndQuery::try_from(request);
        let request = match parts {
            Ok(path) if request.starts_with("//") => Uri::from(path),
            _ => request.parse().expect("a request target"),
        };
        let uri = target.uri(&request).expect("a path");
        assert_eq!(uri.to_string(), expected);
        assert_eq!(uri.host(), Some("a.example.com"));
    }
    let located = Location::Override("--to").with_value("https://a.example.com".to_owned());
    let target = TargetUrl::parse(&located).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(target.uri(&Uri::from_static("*")), None);
}

#[test]
fn the_schema_accepts_what_the_reader_accepts_and_refuses_what_it_refuses() {
    let validator = validator(&schema());
    let document = Document::parse("a.yaml".to_owned(), FILE.into(), "").expect("YAML");
    let document: Value = serde_json::from_str(&document.root().to_string()).expect("JSON");
    let relations = [
        "is not an address",
        "is not a host and a port",
        "`connect` needs TLS",
        "is not a URL",
        "has no scheme",
        "missing field `token_file`",
        "is reachable from other machines",
    ];
    for (what, mutation) in mutations(&document) {
        let read = parse(&mutation.to_string());
        match (read, validator.is_valid(&mutation)) {
            (Ok(_), true) | (Err(_), false) => {}
            (Ok(_), false) => panic!("{what}: only the schema refuses"),
            (Err(report), true) => assert!(
                relations.iter().any(|relation| report.contains(relation)),
                "{what}: only the reader refuses: {report}"
            ),
        }
    }
}
