use super::*;

const KARMA: &str = "system:serviceaccount:monitoring:karma";

/// A line, as `USER HOST UPSTREAM METHOD PATH STATUS`, with `-` for what it lacks.
fn parsed(line: &str) -> Option<String> {
    let request = LoggedRequest::parse(line)?;
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    Some(format!(
        "{} {} {} {} {} {}",
        or_none(request.user),
        or_none(request.host_name().as_deref()),
        or_none(request.upstream),
        request.method,
        request.path,
        request.status
    ))
}

#[test]
fn lines_of_oauth2_proxy_are_read() {
    for (line, expected) in [
        (
            "10.0.0.1 - 5f - {} [2026/11/30 09:00:00] A.example.com:443 GET - \"/api?x=1\" HTTP/1.1 \"a \\\"0\\\"\" 202 0 0.001",
            "{} a.example.com - GET /api 202",
        ),
        (
            "10.0.0.1 - {} [2026/11/30 09:00:00] a.example.com POST - \"/metrics\" HTTP/1.1 \"karma\" 403 0 0.001",
            "{} a.example.com - POST /metrics 403",
        ),
        (
            "10.0.0.1 - 5f - - [2026/11/30 09:00:00] [fd00::1]:443 GET - \"/\" HTTP/1.1 \"curl\" 302 0 0.001",
            "- [fd00::1] - GET / 302",
        ),
        (
            "10.0.0.1 - 5f - - [2026/11/30 09:00:00] [fd00::1] GET - \"/\" HTTP/1.1 \"curl\" 302 0 0.001",
            "- [fd00::1] - GET / 302",
        ),
    ] {
        let expected = expected.replace("{}", KARMA);
        assert_eq!(parsed(&line.replace("{}", KARMA)), Some(expected), "{line}");
    }
}

#[test]
fn lines_of_nginx_are_read() {
    let combined = format!(
        "10.0.0.1 - {KARMA} [30/Nov/2026:09:00:00 +0000] \"GET /api/v2/alerts?a=b HTTP/1.1\" 200 5 \"-\" \"karma [x]\""
    );
    assert_eq!(
        parsed(&combined),
        Some(format!("{KARMA} - - GET /api/v2/alerts 200"))
    );
    let ingress = format!("{combined} 400 0.001 [monitoring-b-80] [] 10.0.0.2:80 5 0.001 200 5f");
    assert_eq!(
        parsed(&ingress),
        Some(format!("{KARMA} - monitoring-b-80 GET /api/v2/alerts 200"))
    );
}

#[test]
fn other_lines_have_no_request() {
    for line in [
        "",
        "[2026/11/30 09:00:00] [oauthproxy.go:1] started",
        "10.0.0.1 - 5f - ada [2026/11/30 09:00:00] [AuthSuccess] Authenticated",
        "10.0.0.1 - two words [30/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"",
        "10.0.0.1 - ada [30/Nov/2026:09:00:00 +0000] \"\\x16\\x03\" 400 5 \"-\" \"-\"",
        "10.0.0.1 - ada [30/Nov/2026:09:00:00 +0000] \"GET x HTTP/1.1\" 200 5 \"-\" \"x\"",
        "10.0.0.1 - ada [30/Nov/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 20 5 \"-\" \"x\"",
    ] {
        assert_eq!(parsed(line), None, "{line}");
    }
}
