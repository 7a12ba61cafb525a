use super::*;
use crate::migration::oauth2_proxy::source::ingress::{PathRule, Restrictions};

const KARMA: &str = "system:serviceaccount:monitoring:karma";

fn location(host: &str, upstream: &str) -> Location {
    Location {
        ingress: "monitoring/app".to_owned(),
        host: host.to_owned(),
        paths: vec![PathRule {
            path: "/".to_owned(),
            is_exact: false,
            is_regex: false,
            upstream: upstream.to_owned(),
            service: String::new(),
        }],
        restrictions: Some(Restrictions::default()),
    }
}

fn read_text(text: &str, locations: &[Location]) -> Seen {
    read(text.as_bytes(), locations).unwrap()
}

/// The uses of a host, as `USER METHODS PATHS`.
fn uses(seen: &Seen, host: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (user, uses) in seen.uses(host) {
        for one in uses {
            found.push(format!(
                "{user} {} {}",
                one.methods.join(","),
                one.paths.join(",")
            ));
        }
    }
    found
}

#[test]
fn the_request_log_of_oauth2_proxy_is_read() {
    let log = format!(
        "10.0.0.1 - 5f - {KARMA} [2026/11/30 09:00:00] a.example.com:443 GET - \"/api/v2/alerts?x=1\" HTTP/1.1 \"karma \\\"0\\\"\" 202 0 0.001\n\
         10.0.0.1 - {KARMA} [2026/11/30 09:00:00] A.example.com GET - \"/metrics\" HTTP/1.1 \"karma\" 200 0 0.001\n\
         10.0.0.1 - 5f - {KARMA} [2026/11/30 09:00:00] a.example.com POST - \"/metrics\" HTTP/1.1 \"karma\" 403 0 0.001\n\
         10.0.0.1 - 5f - - [2026/11/30 09:00:00] a.example.com GET - \"/metrics\" HTTP/1.1 \"curl\" 202 0 0.001\n\
         10.0.0.1 - 5f - {KARMA} [2026/11/30 09:00:00] a.example.com GET - \"/oauth2/auth\" HTTP/1.1 \"karma\" 202 0 0.001\n\
         10.0.0.1 - 5f - {KARMA} [2026/11/30 09:00:00] [AuthSuccess] Authenticated\n\
         [2026/11/30 09:00:00] [oauthproxy.go:1] started\n"
    );
    let seen = read_text(&log, &[]);
    assert_eq!(
        uses(&seen, "a.example.com"),
        [format!("{KARMA} GET /api/v2/**,/metrics")]
    );
    assert_eq!((seen.used, seen.without_path), (2, 1));
}

#[test]
fn access_logs_of_nginx_are_read() {
    let combined = format!(
        "10.0.0.1 - {KARMA} [30/Nov/2026:09:00:00 +0000] \"GET /api/v2/alerts HTTP/1.1\" 200 5 \"-\" \"karma [x]\""
    );
    let one = [location("a.example.com", "monitoring-a-80")];
    assert_eq!(
        uses(&read_text(&combined, &one), "a.example.com"),
        [format!("{KARMA} GET /api/v2/**")]
    );
    let two = [
        location("a.example.com", "monitoring-a-80"),
        location("b.example.com", "monitoring-b-80"),
    ];
    assert_eq!(read_text(&combined, &two).used, 0, "the host is unknown");
    let ingress = format!("{combined} 400 0.001 [monitoring-b-80] [] 10.0.0.2:80 5 0.001 200 5f");
    assert_eq!(
        uses(&read_text(&ingress, &two), "b.example.com"),
        [format!("{KARMA} GET /api/v2/**")]
    );
}

#[test]
fn a_path_with_an_asterisk_becomes_no_wildcard() {
    let line = |path: &str| {
        format!(
            "10.0.0.1 - 5f - {KARMA} [2026/11/30 09:00:00] a.example.com GET - \"{path}\" HTTP/1.1 \"x\" 200 0 0.001"
        )
    };
    for path in ["/**", "/*", "/api/**", "/api/*/x"] {
        assert_eq!(read_text(&line(path), &[]).used, 0, "{path}");
    }
    let deep = read_text(&line("/a/b/c/d"), &[]);
    assert_eq!(
        uses(&deep, "a.example.com"),
        [format!("{KARMA} GET /a/b/**")]
    );
    let shallow = read_text(&line("/a/b"), &[]);
    assert_eq!(
        uses(&shallow, "a.example.com"),
        [format!("{KARMA} GET /a/b")]
    );
}

#[test]
fn a_log_of_any_size_makes_a_policy_of_bounded_size() {
    let mut log = String::new();
    for number in 0..3000 {
        log.push_str(&format!(
            "10.0.0.1 - 5f - {KARMA} [2026/11/30 09:00:00] a.example.com GET - \"/{number}\" HTTP/1.1 \"x\" 200 0 0.001\n"
        ));
        log.push_str(&format!(
            "10.0.0.1 - 5f - user{number} [2026/11/30 09:00:00] a.example.com GET - \"/\" HTTP/1.1 \"x\" 200 0 0.001\n"
        ));
    }
    log.push_str(&"x".repeat(200_000));
    let seen = read_text(&log, &[]);
    assert_eq!(seen.used, MAX_PATTERNS + MAX_CALLERS - 1);
    assert_eq!(seen.used + seen.dropped, 6000);
    assert_eq!(seen.uses("a.example.com").count(), MAX_CALLERS);
}
