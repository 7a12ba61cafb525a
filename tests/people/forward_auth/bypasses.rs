//! Attacks that make the authorized request differ from the forwarded one.

use portcullis_tests::lab::{Authority, Call};

use crate::forward_auth::files::ingress_auth_paths;
use crate::forward_auth::fixture::Fixture;
use crate::forward_auth::proxies::{HOST, Proxy};
use serde_json::json;

#[tokio::test]
async fn ghsa_7x63_client_headers_do_not_change_the_authorized_request() {
    let fixture = Fixture::start().await;
    for proxy in &fixture.proxies {
        for headers in [
            &[(
                "X-Original-URL",
                "https://alertmanager.example.com/-/healthy",
            )][..],
            &[
                (
                    "X-Original-URL",
                    "https://alertmanager.example.com/-/healthy",
                ),
                ("X-Original-Method", "GET"),
            ],
            &[
                (
                    "X-Original-URL",
                    "https://elsewhere.example.com/api/v2/alerts",
                ),
                ("X-Original-Method", "GET"),
            ],
            &[("X-Forwarded-Uri", "/-/healthy")],
            &[("X-Forwarded-Host", "elsewhere.example.com")],
            &[("X-Forwarded-Method", "HEAD")],
            &[
                ("X-Forwarded-Method", "GET"),
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "elsewhere.example.com"),
                ("X-Forwarded-Uri", "/-/healthy"),
            ],
            &[
                ("X-Original-URI", "/-/healthy"),
                ("X-Rewrite-URL", "/-/healthy"),
            ],
            // Hop-by-hop headers are removed by the proxy.
            &[(
                "Connection",
                "X-Original-URL, X-Original-Method, X-Forwarded-Uri, close",
            )],
            &[(
                "Connection",
                "X-Forwarded-Method, X-Forwarded-Host, Authorization, close",
            )],
        ] {
            let mut call = Call::get(HOST, "/api/v2/alerts");
            for (name, value) in headers {
                call = call.header(name, value);
            }
            let status = proxy.send(call).await.status;
            assert!(
                matches!(status, 400 | 401 | 403),
                "{}: {headers:?}: {status}",
                proxy.name
            );
        }
    }
    assert_eq!(fixture.app.count(), 0);
}

#[tokio::test]
async fn h08_the_authorized_request_is_the_one_the_app_receives() {
    let fixture = Fixture::start().await;
    let paths = [
        "/-/healthy/../../api/v2/alerts",
        "/-/healthy/..%2f..%2fapi/v2/alerts",
        "/-/healthy/%2e%2e/%2e%2e/api/v2/alerts",
        "/-/healthy%2f..%2f..%2fapi",
        "/-/healthy/..;/../api/v2/alerts",
        "/-/healthy;/../../api/v2/alerts",
        "/-/healthy#/api/v2/alerts",
        "/-/healthy%23/api/v2/alerts",
        "/-/healthy%3f/api/v2/alerts",
        "/-/healthy%00/api/v2/alerts",
        "/-/healthy\\..\\..\\api",
        "/-/healthy%5c..%5c..%5capi",
        "/api/v2/alerts?/-/healthy",
        "/api/v2/alerts?x=/../../-/healthy",
        "/api/v2/alerts#/-/healthy",
        "//-/healthy",
        "/./-/healthy",
        "/-//healthy",
        "/-/healthy/",
        "/-/healthy?a=b",
    ];
    for proxy in &fixture.proxies {
        for path in paths {
            proxy.send(Call::get(HOST, path)).await;
        }
        for method in ["POST", "PUT", "DELETE", "PROPFIND", "get"] {
            proxy.send(Call::new(method, HOST, "/-/healthy")).await;
        }
    }
    // The app receives only requests that the public rule allows, whether the proxy normalizes paths or
    // not.
    let seen = fixture.app.requests();
    assert!(seen.len() >= fixture.proxies.len());
    for request in seen {
        let path = request["path"].as_str().unwrap();
        assert_eq!(path.split('?').next(), Some("/-/healthy"), "{request}");
        assert_eq!(request["method"], "GET", "{request}");
    }
}

#[tokio::test]
async fn h09_no_proxy_opens_a_tunnel_for_a_preflight_request() {
    let fixture = Fixture::start().await;
    for proxy in &fixture.proxies {
        for more in [
            &[][..],
            &[("Sec-WebSocket-Version", "13")],
            &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
            &[("Sec-Fetch-Mode", "cors")],
        ] {
            for connection in ["Upgrade", "keep-alive, upgrade"] {
                let call = Call::new("OPTIONS", HOST, "/api/v2/status")
                    .header("Origin", "https://karma.example.com")
                    .header("Access-Control-Request-Method", "GET")
                    .header("Connection", connection)
                    .header("Upgrade", "websocket");
                let call = more
                    .iter()
                    .fold(call, |call, (name, value)| call.header(name, value));
                let before = fixture.app.count();
                let status = proxy.send(call).await.status;
                let seen = fixture.app.requests();
                let is_upgraded = seen
                    .iter()
                    .skip(before)
                    .any(|request| request["headers"].to_string().contains("\"upgrade\""));
                assert!(
                    status == 401 || status == 200 && !is_upgraded,
                    "{}: {status} {more:?} {connection}",
                    proxy.name
                );
            }
        }
        let preflight = Call::new("OPTIONS", HOST, "/api/v2/status")
            .header("Origin", "https://karma.example.com")
            .header("Access-Control-Request-Method", "GET");
        assert_eq!(proxy.send(preflight).await.status, 200, "{}", proxy.name);
    }
}

#[tokio::test]
async fn no_proxy_upgrades_to_another_protocol_than_websocket() {
    let fixture = Fixture::start().await;
    let settings = ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA");
    for proxy in &fixture.proxies {
        for (protocol, connection, more) in [
            ("h2c", "Upgrade, HTTP2-Settings", Some(settings)),
            ("h2c", "Upgrade", Some(settings)),
            ("h2c", "Upgrade", None),
            ("websocket, h2c", "Upgrade", None),
            ("TLS/1.2", "Upgrade", None),
        ] {
            let before = fixture.app.count();
            let mut call = Call::get(HOST, "/-/healthy")
                .header("Upgrade", protocol)
                .header("Connection", connection);
            if let Some((name, value)) = more {
                call = call.header(name, value);
            }
            let status = proxy.send(call).await.status;
            assert_ne!(status, 101, "{}: {protocol}", proxy.name);
            // Without the upgrade it is a normal request.
            for request in fixture.app.requests().iter().skip(before) {
                let text = request["headers"].to_string().to_ascii_lowercase();
                assert!(!text.contains("\"upgrade\""), "{}: {text}", proxy.name);
            }
        }
        let websocket = Call::get(HOST, "/-/healthy")
            .header("Upgrade", "WebSocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13");
        assert_eq!(proxy.send(websocket).await.status, 101, "{}", proxy.name);
    }
}

#[tokio::test]
async fn the_authorized_host_is_the_one_that_is_served() {
    let fixture = Fixture::start().await;
    for proxy in &fixture.proxies {
        let requests = [
            // `elsewhere` is public, but not served here.
            "GET /api/v2/alerts HTTP/1.1\r\nHost: elsewhere.example.com\r\nConnection: close\r\n\r\n",
            "GET https://alertmanager.example.com/api/v2/alerts HTTP/1.1\r\nHost: elsewhere.example.com\r\n\
             Connection: close\r\n\r\n",
            "GET http://elsewhere.example.com/api/v2/alerts HTTP/1.1\r\nHost: alertmanager.example.com\r\n\
             Connection: close\r\n\r\n",
            "GET /api/v2/alerts HTTP/1.1\r\nHost: alertmanager.example.com\r\n\
             Host: elsewhere.example.com\r\nConnection: close\r\n\r\n",
            "GET /api/v2/alerts HTTP/1.1\r\nHost: elsewhere.example.com:443\r\nConnection: close\r\n\r\n",
            "GET /api/v2/alerts HTTP/1.0\r\n\r\n",
        ];
        for bytes in requests {
            // Some close the connection on malformed hosts, and Caddy returns an empty response for
            // hosts that it does not serve.
            let _status = proxy.try_raw(bytes).await;
            assert_eq!(fixture.app.count(), 0, "{}: {bytes}", proxy.name);
        }
    }
}

#[tokio::test]
async fn ingress_nginx_authorizes_the_served_host_not_the_clients() {
    let (authority, fixture) = (Authority::new(), Fixture::start().await);
    let (companion, app) = (fixture.companion.address(), fixture.app.address());
    // NGINX routes by the request line's host, and sends the companion the host in `Host`, where
    // everything is public.
    let bytes = "GET https://alertmanager.example.com/api/v2/alerts HTTP/1.1\r\n\
                 Host: elsewhere.example.com\r\nConnection: close\r\n\r\n";
    for path in ingress_auth_paths() {
        let before = fixture.app.count();
        let proxy = Proxy::ingress_nginx(&authority, companion, app, &path).await;
        assert_eq!(proxy.try_raw(bytes).await, Some(403), "{path}");
        assert_eq!(fixture.app.count(), before, "{path}");
        let public = Call::get(HOST, "/-/healthy");
        assert_eq!(proxy.send(public).await.status, 200, "{path}");
    }
    // Without `host` in the query, the request for the wrong host is authorized.
    let proxy = Proxy::ingress_nginx(&authority, companion, app, "/oauth2/auth").await;
    assert_eq!(proxy.try_raw(bytes).await, Some(200));
}

#[tokio::test]
async fn t28_an_untrusted_proxy_gets_no_decision() {
    let fixture = Fixture::start().await;
    let without_proxies = Fixture::companion(json!({})).start().await;
    let call = Call::get("auth.example.com", "/oauth2/auth")
        .header(
            "X-Original-URL",
            "https://alertmanager.example.com/-/healthy",
        )
        .header("X-Original-Method", "GET");
    assert_eq!(fixture.companion.call(call.clone()).await.status, 202);
    // No proxy is trusted by default, not even loopback.
    for path in ["/oauth2/auth", "/oauth2/auth/", "/oauth2/auth/-/healthy"] {
        let response = without_proxies.call(call.clone().to(HOST, path)).await;
        assert_eq!(response.verdict(), "403 proxy-untrusted", "{path}");
    }
    assert!(
        without_proxies
            .log()
            .contains("127.0.0.1 is not a trusted proxy")
    );
    assert!(without_proxies.log().contains("trusted_proxies: ["));
}
