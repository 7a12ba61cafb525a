//! `Connection`, which names headers that the next hop removes (RFC 9110, section 7.6.1).

use portcullis_tests::lab::Call;

use crate::forward_auth::fixture::{AUTH, Fixture, ForwardedRequest, alerts};
use crate::forward_auth::proxies::{HOST, Proxy};

/// Values of `Connection`, each as one or several lines.
const NOMINATIONS: [&[&str]; 5] = [
    &["X-Auth-Request-User, X-Portcullis-Caller"],
    &["keep-alive, x-auth-request-user, x-portcullis-caller"],
    &["close, x-auth-request-user , X-PORTCULLIS-CALLER"],
    &["keep-alive", "x-auth-request-user", "x-portcullis-caller"],
    &["x-auth-request-user,,x-portcullis-caller,cookie,authorization,host"],
];

/// Sends a request that must reach the app, with the caller and without a nomination.
async fn assert_identity(fixture: &Fixture, proxy: &Proxy, call: Call, status: u16) {
    let what = format!("{}: {call:?}", proxy.name);
    let before = fixture.app.count();
    let response = proxy.send(call).await;
    assert_eq!(response.status, status, "{what}: {}", response.text());
    let request = ForwardedRequest(fixture.app.requests()[before].clone());
    for name in ["x-auth-request-user", "x-portcullis-caller"] {
        assert_eq!(request.all(name), ["blue/monitoring/karma"], "{what}");
    }
    for value in request.all("connection") {
        for option in value.split(',').map(str::trim) {
            let known = ["", "close", "keep-alive", "upgrade"];
            assert!(
                known.iter().any(|own| option.eq_ignore_ascii_case(own)),
                "{what}: {value}"
            );
        }
    }
}

#[tokio::test]
async fn a_clients_connection_header_removes_no_identity_header() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    for proxy in &fixture.proxies {
        for lines in NOMINATIONS {
            let call = alerts().bearer(&karma);
            // A proxy may remove credentials that are nominated. The request is then refused.
            if lines.iter().any(|line| line.contains("authorization")) {
                let call = lines
                    .iter()
                    .fold(call, |call, line| call.header("Connection", line));
                let before = fixture.app.count();
                if proxy.send(call).await.status == 200 {
                    let request = ForwardedRequest(fixture.app.requests()[before].clone());
                    assert_eq!(
                        request.all("x-portcullis-caller"),
                        ["blue/monitoring/karma"]
                    );
                }
                continue;
            }
            let call = lines
                .iter()
                .fold(call, |call, line| call.header("Connection", line));
            assert_identity(&fixture, proxy, call, 200).await;
        }
    }
}

#[tokio::test]
async fn an_upgrade_names_no_other_header_for_the_next_hop() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    for proxy in &fixture.proxies {
        for lines in [
            &["Upgrade, X-Auth-Request-User, X-Portcullis-Caller"][..],
            &["x-auth-request-user, upgrade , x-portcullis-caller"],
            &["Upgrade", "x-auth-request-user, x-portcullis-caller"],
            &["x-portcullis-caller,x-auth-request-user", "UPGRADE"],
            &[
                "keep-alive, Upgrade, sec-websocket-extensions, x-auth-request-user, x-portcullis-caller",
            ],
        ] {
            let call = Call::get(HOST, "/api/v2/live")
                .bearer(&karma)
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("Sec-WebSocket-Version", "13");
            let call = lines
                .iter()
                .fold(call, |call, line| call.header("Connection", line));
            assert_identity(&fixture, proxy, call, 101).await;
        }
    }
}

/// Traefik describes an upgrade so.
#[tokio::test]
async fn a_websocket_has_the_scheme_of_http() {
    let fixture = Fixture::start().await;
    let karma = fixture.karma();
    for (scheme, status) in [
        ("wss", 202),
        ("ws", 202),
        ("https", 202),
        ("http", 202),
        ("WSS", 403),
        ("wss,https", 403),
        ("ftp", 403),
        ("", 403),
    ] {
        let call = Call::get(AUTH.trim_start_matches("https://"), "/oauth2/auth")
            .bearer(&karma)
            .header("X-Forwarded-Method", "GET")
            .header("X-Forwarded-Proto", scheme)
            .header("X-Forwarded-Host", HOST)
            .header("X-Forwarded-Uri", "/api/v2/live")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13");
        let response = fixture.companion.call(call).await;
        assert_eq!(response.status, status, "{scheme:?}: {}", response.text());
    }
}
