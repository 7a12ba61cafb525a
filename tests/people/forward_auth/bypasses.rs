//! What clients do so that another request is judged than the one that is sent on.

use portcullis_tests::lab::{Authority, Call};

use crate::forward_auth::files::ingress_places;
use crate::forward_auth::fronts::{Front, HOST};
use crate::forward_auth::stage::Stage;
use serde_json::json;

#[tokio::test]
async fn ghsa_7x63_no_header_of_a_clients_chooses_what_is_judged() {
    let stage = Stage::start().await;
    for front in &stage.fronts {
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
            // Headers that are for one connection alone are dropped on the way.
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
            let status = front.send(call).await.status;
            assert!(
                matches!(status, 400 | 401 | 403),
                "{}: {headers:?}: {status}",
                front.name
            );
        }
    }
    assert_eq!(stage.app.count(), 0);
}

#[tokio::test]
async fn h08_what_is_judged_is_what_the_app_gets() {
    let stage = Stage::start().await;
    let tricks = [
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
    for front in &stage.fronts {
        for path in tricks {
            front.send(Call::get(HOST, path)).await;
        }
        for method in ["POST", "PUT", "DELETE", "PROPFIND", "get"] {
            front.send(Call::new(method, HOST, "/-/healthy")).await;
        }
    }
    // Only what the public rule is about, whoever has put it into that form.
    let seen = stage.app.seen();
    assert!(seen.len() >= stage.fronts.len());
    for request in seen {
        let path = request["path"].as_str().unwrap();
        assert_eq!(path.split('?').next(), Some("/-/healthy"), "{request}");
        assert_eq!(request["method"], "GET", "{request}");
    }
}

#[tokio::test]
async fn no_proxy_goes_on_with_another_protocol_than_websocket() {
    let stage = Stage::start().await;
    let settings = ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA");
    for front in &stage.fronts {
        for (protocol, connection, more) in [
            ("h2c", "Upgrade, HTTP2-Settings", Some(settings)),
            ("h2c", "Upgrade", Some(settings)),
            ("h2c", "Upgrade", None),
            ("websocket, h2c", "Upgrade", None),
            ("TLS/1.2", "Upgrade", None),
        ] {
            let before = stage.app.count();
            let mut call = Call::get(HOST, "/-/healthy")
                .header("Upgrade", protocol)
                .header("Connection", connection);
            if let Some((name, value)) = more {
                call = call.header(name, value);
            }
            let status = front.send(call).await.status;
            assert_ne!(status, 101, "{}: {protocol}", front.name);
            // What went on is a request like any other.
            for request in stage.app.seen().iter().skip(before) {
                let text = request["headers"].to_string().to_ascii_lowercase();
                assert!(!text.contains("\"upgrade\""), "{}: {text}", front.name);
            }
        }
        let websocket = Call::get(HOST, "/-/healthy")
            .header("Upgrade", "WebSocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13");
        assert_eq!(front.send(websocket).await.status, 101, "{}", front.name);
    }
}

#[tokio::test]
async fn the_host_that_is_judged_is_the_one_that_is_served() {
    let stage = Stage::start().await;
    for front in &stage.fronts {
        let bodies = [
            // `elsewhere` is open, but it is not here.
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
        for bytes in bodies {
            // Some hang up on the worst, and Caddy has an empty answer for hosts that it does not
            // serve.
            let _answer = front.try_raw(bytes).await;
            assert_eq!(stage.app.count(), 0, "{}: {bytes}", front.name);
        }
    }
}

#[tokio::test]
async fn where_the_controller_tells_a_host_of_the_clients_the_one_that_is_served_counts() {
    let (authority, stage) = (Authority::new(), Stage::start().await);
    let (companion, app) = (stage.companion.address(), stage.app.address());
    // NGINX sends it on by its first line, and tells us what is in `Host`, which is open.
    let bytes = "GET https://alertmanager.example.com/api/v2/alerts HTTP/1.1\r\n\
                 Host: elsewhere.example.com\r\nConnection: close\r\n\r\n";
    for place in ingress_places() {
        let before = stage.app.count();
        let front = Front::ingress_nginx(&authority, companion, app, &place).await;
        assert_eq!(front.try_raw(bytes).await, Some(403), "{place}");
        assert_eq!(stage.app.count(), before, "{place}");
        let public = Call::get(HOST, "/-/healthy");
        assert_eq!(front.send(public).await.status, 200, "{place}");
    }
    // Without that, it is another request that is judged.
    let front = Front::ingress_nginx(&authority, companion, app, "/oauth2/auth").await;
    assert_eq!(front.try_raw(bytes).await, Some(200));
}

#[tokio::test]
async fn t28_who_is_no_trusted_proxy_is_told_nothing() {
    let stage = Stage::start().await;
    let stranger = Stage::companion(json!({})).start().await;
    let call = Call::get("auth.example.com", "/oauth2/auth")
        .header(
            "X-Original-URL",
            "https://alertmanager.example.com/-/healthy",
        )
        .header("X-Original-Method", "GET");
    assert_eq!(stage.companion.call(call.clone()).await.status, 202);
    // The default is nobody, loopback included.
    for path in ["/oauth2/auth", "/oauth2/auth/", "/oauth2/auth/-/healthy"] {
        let reply = stranger.call(call.clone().to(HOST, path)).await;
        assert_eq!(reply.verdict(), "403 proxy-untrusted", "{path}");
    }
    assert!(stranger.log().contains("127.0.0.1 is not a trusted proxy"));
    assert!(stranger.log().contains("trusted_proxies: ["));
}
