//! The request that is authorized is the request that the app receives, whatever a client does to
//! its path, host and method.

use portcullis_tests::lab::fixture::{HOST, get_alerts};
use portcullis_tests::lab::{Call, Connection, TestGateway, Version};
use serde_json::{Value, json};

/// The rule allows GET below `/api/v2` only.
pub(crate) fn only_the_api(policy: &mut Value) {
    policy["apps"][0]["rules"][0]["methods"] = json!(["GET"]);
    policy["apps"][0]["rules"][0]["paths"] = json!(["/api/v2/**"]);
}

/// The outcome for a path.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Allowed; the path that the app receives.
    Forwarded(&'static str),
    /// Unambiguous, and not allowed.
    NotAllowed,
    /// Refused as ambiguous, by the filter or by Envoy itself, which gives no reason.
    Ambiguous,
}

use Outcome::{Ambiguous, Forwarded, NotAllowed};

/// A path, its outcome if Envoy normalizes paths, and if it does not.
const PATHS: &[(&str, Outcome, Outcome)] = &[
    (
        "/api/v2/alerts",
        Forwarded("/api/v2/alerts"),
        Forwarded("/api/v2/alerts"),
    ),
    ("/api/v2", Forwarded("/api/v2"), Forwarded("/api/v2")),
    ("/api/v2/", Forwarded("/api/v2/"), Forwarded("/api/v2/")),
    (
        "/api/v2/a%20b",
        Forwarded("/api/v2/a%20b"),
        Forwarded("/api/v2/a%20b"),
    ),
    (
        "/api/v2/alerts?x=/../-/reload",
        Forwarded("/api/v2/alerts?x=/../-/reload"),
        Forwarded("/api/v2/alerts?x=/../-/reload"),
    ),
    ("/-/reload?x=/api/v2/alerts", NotAllowed, NotAllowed),
    ("/-/reload?/api/v2/", NotAllowed, NotAllowed),
    ("//api/v2/alerts", Forwarded("/api/v2/alerts"), Ambiguous),
    ("/api//v2/alerts", Forwarded("/api/v2/alerts"), Ambiguous),
    (
        "/api/v2//-/reload",
        Forwarded("/api/v2/-/reload"),
        Ambiguous,
    ),
    ("//-/reload", NotAllowed, Ambiguous),
    ("///-///reload", NotAllowed, Ambiguous),
    (
        "//alertmanager.example.com/api/v2/alerts",
        NotAllowed,
        Ambiguous,
    ),
    ("/api/v2/./alerts", Forwarded("/api/v2/alerts"), Ambiguous),
    ("/./-/reload", NotAllowed, Ambiguous),
    ("/api/v2/..", NotAllowed, Ambiguous),
    ("/api/v2/../../-/reload", NotAllowed, Ambiguous),
    ("/api/v2/alerts/../../../-/reload", NotAllowed, Ambiguous),
    (
        "/-/reload/../../api/v2/alerts",
        Forwarded("/api/v2/alerts"),
        Ambiguous,
    ),
    (
        "/../../../api/v2/alerts",
        Forwarded("/api/v2/alerts"),
        Ambiguous,
    ),
    ("/api/v2/%2e%2e/%2E%2e/-/reload", NotAllowed, Ambiguous),
    ("/api/v2/%2e/alerts", Forwarded("/api/v2/alerts"), Ambiguous),
    ("/api/v2/.%2e/.%2E/-/reload", NotAllowed, Ambiguous),
    ("/api/v2/%252e%252e/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..%2f..%2f-/reload", Ambiguous, Ambiguous),
    ("/api/v2%2falerts", Ambiguous, Ambiguous),
    ("/api/v2%2Falerts", Ambiguous, Ambiguous),
    ("/api/v2/..%5c..%5c-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..\\..\\-/reload", NotAllowed, Ambiguous),
    ("\\api\\v2\\alerts", Ambiguous, Ambiguous),
    ("/api/v2/;x=y/alerts", Ambiguous, Ambiguous),
    ("/api/v2/alerts;x=y", Ambiguous, Ambiguous),
    // Envoy 1.40 treats `..;` as a dot segment, like Tomcat; older versions leave it to the filter.
    ("/api/v2/..;/..;/-/reload", NotAllowed, Ambiguous),
    ("/api/v2/..%3b/-/reload", Ambiguous, Ambiguous),
    (
        "/-/reload;/../../api/v2/alerts",
        Forwarded("/api/v2/alerts"),
        Ambiguous,
    ),
    ("/api/v2/alerts#", Ambiguous, Ambiguous),
    ("/-/reload#/../api/v2/alerts", Ambiguous, Ambiguous),
    ("/api/v2/alerts?x#y", Ambiguous, Ambiguous),
    ("/-/reload%23/api/v2/alerts", Ambiguous, Ambiguous),
    ("/-/reload%3f/api/v2/alerts", Ambiguous, Ambiguous),
    ("/api/v2/..%25%32%66-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%00", Ambiguous, Ambiguous),
    ("/api/v2/alerts%00.css", Ambiguous, Ambiguous),
    (
        "/api/v2/%0d%0ax-portcullis-caller:%20admin",
        Ambiguous,
        Ambiguous,
    ),
    ("/api/v2/%", Ambiguous, Ambiguous),
    ("/api/v2/%zz", Ambiguous, Ambiguous),
    ("/api/v2/%c0%ae%c0%ae/", Ambiguous, Ambiguous),
    ("/api/v2/%u002e%u002e/", Ambiguous, Ambiguous),
    ("/api/v2/\u{ff}", Ambiguous, Ambiguous),
    ("/api/v2/\u{2215}", Ambiguous, Ambiguous),
    // What servers trim, ignore or normalize before they resolve dot segments.
    ("/api/v2/..%20/..%20/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%20../-/reload", Ambiguous, Ambiguous),
    ("/api/v2/...%20/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/.%C2%AD./-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..%E2%80%8B/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..%C2%85/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%EF%BC%8E%EF%BC%8E/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%E2%80%A4%E2%80%A4/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/.%E2%80%A4/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%E2%80%A5/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%EF%B9%92%EF%B9%92/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%25EF%25BC%258E/-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..%EF%BC%8F-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..%E2%88%95-/reload", Ambiguous, Ambiguous),
    ("/api/v2/..%EF%BC%BC-/reload", Ambiguous, Ambiguous),
    ("/api/v2/%E2%80%A8", Ambiguous, Ambiguous),
    ("/api/v2/%C2%9B31m", Ambiguous, Ambiguous),
    (
        "/api/v2/...",
        Forwarded("/api/v2/..."),
        Forwarded("/api/v2/..."),
    ),
    (
        "/api/v2/%E6%97%A5%E3%80%82pdf",
        Forwarded("/api/v2/%E6%97%A5%E3%80%82pdf"),
        Forwarded("/api/v2/%E6%97%A5%E3%80%82pdf"),
    ),
    ("api/v2/alerts", Ambiguous, Ambiguous),
    ("*", Ambiguous, Ambiguous),
];

async fn assert_outcome(gateway: &mut TestGateway, call: Call, what: &str, outcome: Outcome) {
    match outcome {
        Forwarded(path) => {
            let seen = gateway.assert_allowed(what, call).await;
            assert_eq!(seen["path"], path, "{what}");
        }
        NotAllowed => {
            gateway
                .assert_refused(what, call, 403, "caller-not-allowed")
                .await;
        }
        Ambiguous => {
            let response = gateway.gateway.call(call.clone()).await;
            let verdict = response.verdict();
            assert!(
                matches!(verdict.as_str(), "400 request-ambiguous" | "400"),
                "{what}: {verdict}"
            );
            gateway.assert_explained(what, &call, &response).await;
            gateway.assert_not_forwarded(what);
        }
    }
}

#[tokio::test]
async fn h08_the_app_receives_the_authorized_path_with_normalization() {
    let mut gateway = TestGateway::start(only_the_api).await;
    let token = gateway.token();
    for &(path, outcome, _) in PATHS {
        assert_outcome(
            &mut gateway,
            Call::get(HOST, path).bearer(&token),
            path,
            outcome,
        )
        .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h08_the_app_receives_the_authorized_path_without_normalization() {
    let mut gateway = TestGateway::with(only_the_api, |builder| {
        builder.version(Version::V1_36).raw_paths()
    })
    .await
    .explained();
    let token = gateway.token();
    for &(path, _, outcome) in PATHS {
        assert_outcome(
            &mut gateway,
            Call::get(HOST, path).bearer(&token),
            path,
            outcome,
        )
        .await;
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn h08_a_host_that_is_not_one_dns_name_is_refused() {
    let mut gateway = TestGateway::with(
        |_| (),
        // Whatever route Envoy selects, the filter runs first.
        |builder| {
            builder
                .app_at("*", "app-1")
                .app_at("*.example.com", "app-1")
        },
    )
    .await
    .explained();
    let token = gateway.token();
    let at = |host: &str| Call::get(host, "/api/v2/alerts").bearer(&token);
    for host in [
        HOST.to_owned(),
        HOST.to_uppercase(),
        "AlertManager.Example.COM".to_owned(),
        format!("{HOST}:8080"),
        format!("{HOST}:65535"),
    ] {
        gateway.assert_allowed(&host, at(&host)).await;
    }
    for host in [
        "example.com",
        "evil.example.com",
        "alertmanager.example.com.evil.example.com",
        "xalertmanager.example.com",
        "alertmanager-example.com",
        "alertmanagerxexample.com",
        "127.0.0.1",
    ] {
        gateway
            .assert_refused(host, at(host), 403, "app-unknown")
            .await;
    }
    for host in [
        format!("{HOST}."),
        format!("{HOST}.:80"),
        format!("{HOST}:"),
        format!("{HOST}:0"),
        format!("{HOST}:80x"),
        format!("{HOST}:99999"),
        format!("{HOST}:+80"),
        format!("{HOST}:80:80"),
        format!("{HOST},evil.example.com"),
        format!("{HOST} evil.example.com"),
        format!("{HOST}/"),
        format!("{HOST}?"),
        format!("{HOST}#"),
        format!("{HOST}%00"),
        format!("user@{HOST}"),
        format!("evil.example.com@{HOST}"),
        format!(".{HOST}"),
        "alertmanager..example.com".to_owned(),
        "alert_manager.example.com".to_owned(),
        "*.example.com".to_owned(),
        "[::1]".to_owned(),
        "\u{e4}lertmanager.example.com".to_owned(),
        String::new(),
    ] {
        assert_outcome(&mut gateway, at(&host), &host, Ambiguous).await;
    }
    let twice = at(HOST).header("host", "evil.example.com");
    assert_outcome(&mut gateway, twice, "two hosts", Ambiguous).await;
    let none = format!("GET / HTTP/1.1\r\nauthorization: Bearer {token}\r\n\r\n");
    assert_outcome(&mut gateway, Call::raw(none), "no host", Ambiguous).await;
    let http_1_0 =
        format!("GET / HTTP/1.0\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\r\n");
    let status = gateway.gateway.call(Call::raw(http_1_0)).await.status;
    assert_eq!(status, 426, "Envoy refuses HTTP/1.0");

    // In absolute form, the target has the host, and the header is ignored (RFC 9112, section
    // 3.2.2).
    let absolute = |target: &str, host: &str| {
        Call::get(host, &format!("http://{target}/api/v2/alerts")).bearer(&token)
    };
    let seen = gateway
        .assert_allowed("absolute", absolute(HOST, "evil.example.com"))
        .await;
    assert_eq!(seen["path"], "/api/v2/alerts");
    let call = absolute("evil.example.com", HOST);
    gateway
        .assert_refused("absolute", call, 403, "app-unknown")
        .await;
    for name in [
        "x-forwarded-host",
        "x-host",
        "x-original-host",
        "forwarded",
        ":authority",
    ] {
        let call = at("evil.example.com").header(name, HOST);
        let verdict = gateway.gateway.call(call).await.verdict();
        assert!(
            matches!(verdict.as_str(), "403 app-unknown" | "400"),
            "{name}: {verdict}"
        );
        gateway.assert_not_forwarded(name);
    }
    gateway.assert_clean().await;
}

#[tokio::test]
async fn methods_are_case_sensitive() {
    let mut gateway = TestGateway::with(only_the_api, |builder| builder.allow_connect()).await;
    let token = gateway.token();
    for method in [
        "get", "Get", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
        "FOO", "GETX",
    ] {
        let call = Call::new(method, HOST, "/api/v2/alerts").bearer(&token);
        let response = gateway.gateway.call(call).await;
        // A response to HEAD has no body for the reason, and Envoy knows only the registered
        // methods.
        let verdict = response.verdict();
        assert!(
            matches!(verdict.as_str(), "403 caller-not-allowed" | "403" | "400"),
            "{method}: {verdict}"
        );
        gateway.assert_not_forwarded(method);
    }
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let call = Call::post(HOST, "/api/v2/alerts")
            .bearer(&token)
            .header(header, "GET");
        gateway
            .assert_refused(header, call, 403, "caller-not-allowed")
            .await;
    }
    // CONNECT has no path: in HTTP/2 the pseudo-header is missing.
    let tunnel = Call::new("CONNECT", HOST, &format!("{HOST}:443")).bearer(&token);
    let response = gateway.gateway.call(tunnel.clone()).await;
    gateway.assert_refusal("CONNECT", response, 400, "request-ambiguous");
    let response = tunnel.send_h2(gateway.gateway.address()).await;
    gateway.assert_refusal("CONNECT over HTTP/2", response, 400, "request-ambiguous");
    gateway
        .assert_allowed("afterwards", get_alerts(&token))
        .await;
    gateway.assert_clean().await;
}

#[tokio::test]
async fn an_upgrade_is_authorized_before_any_byte_is_forwarded() {
    let mut gateway = TestGateway::start(only_the_api).await;
    let token = gateway.token();
    let upgrade = |path: &str| {
        Call::get(HOST, path)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    for (what, call, status, reason) in [
        (
            "no credentials",
            upgrade("/api/v2/live"),
            401,
            "no-credentials",
        ),
        (
            "not allowed",
            upgrade("/-/live").bearer(&token),
            403,
            "caller-not-allowed",
        ),
        (
            "invalid token",
            upgrade("/api/v2/live").bearer("a.b.c"),
            401,
            "token-malformed",
        ),
    ] {
        let mut connection = Connection::open(gateway.gateway.address()).await.unwrap();
        let response = connection.send(&call).await;
        gateway.assert_refusal(what, response, status, reason);
        // Bytes after the refusal are ignored.
        let _closed = connection.write(b"GET /-/reload HTTP/1.1\r\n\r\n").await;
        gateway.assert_not_forwarded(what);
    }
    let mut connection = Connection::open(gateway.gateway.address()).await.unwrap();
    let response = connection
        .send(&upgrade("/api/v2/live").bearer(&token))
        .await;
    assert_eq!(response.status, 101);
    gateway.count_forwarded();
    connection.write(b"there and back").await.unwrap();
    assert_eq!(connection.read(14).await.unwrap(), b"there and back");
    drop(connection);
    gateway.assert_clean().await;
}
