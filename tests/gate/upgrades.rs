//! Upgrades: which header fields are forwarded with one, and that a preflight request can't be one.

use portcullis_tests::lab::fixture::HOST;
use portcullis_tests::lab::{Call, Connection, TestGateway, Version};
use serde_json::{Value, json};

fn edit(policy: &mut Value) {
    policy["apps"][0]["strip_headers"] = json!(["x-webauth-user"]);
    let live = json!({"name": "live", "paths": ["/public/**"], "public": true});
    policy["apps"][0]["rules"]
        .as_array_mut()
        .unwrap()
        .push(live);
}

fn websocket(path: &str) -> Call {
    Call::get(HOST, path)
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// The values of a header that the app received.
fn values<'s>(seen: &'s Value, name: &str) -> Vec<&'s str> {
    let pairs = seen["headers"].as_array().unwrap().iter();
    pairs
        .filter(|pair| pair[0] == name)
        .map(|pair| pair[1].as_str().unwrap())
        .collect()
}

/// Opens a WebSocket with these `Connection` fields and more headers; returns what the app received.
async fn opened(gateway: &mut TestGateway, call: &Call) -> Value {
    let mut connection = Connection::open(gateway.gateway.address()).await.unwrap();
    let response = connection.send(call).await;
    assert_eq!(response.status, 101, "{call:?}: {}", response.text());
    gateway.count_forwarded();
    connection.write(b"there and back").await.unwrap();
    assert_eq!(connection.read(14).await.unwrap(), b"there and back");
    gateway.fixture.app.requests().pop().unwrap()
}

#[tokio::test]
async fn h06_an_upgrade_passes_on_no_header_that_the_client_nominates() {
    for version in Version::ALL {
        let mut gateway = TestGateway::with(edit, |builder| builder.version(version)).await;
        let token = gateway.token();
        let nominations: [&[&str]; 12] = [
            &["Upgrade"],
            &["keep-alive, Upgrade"],
            &["Upgrade, x-auth-request-user"],
            &["x-auth-request-user, Upgrade"],
            &["upgrade,X-Portcullis-Caller,x-auth-request-user"],
            &["Upgrade", "x-auth-request-user"],
            &["x-portcullis-caller", "keep-alive", "upgrade"],
            &["Upgrade,\tx-auth-request-user\t"],
            &["UPGRADE , , x-auth-request-user ,"],
            &["Upgrade, x-note, close"],
            &["Upgrade, upgrade, x-auth-request-user"],
            &["Upgrade, x-forwarded-for, sec-websocket-protocol, x-portcullis-caller"],
        ];
        for nominated in nominations {
            for (path, caller) in [("/api/live", true), ("/public/live", false)] {
                let call = websocket(path)
                    .bearer(&token)
                    .header("x-note", "nominated or not");
                let call = call.header("x-forwarded-for", "192.0.2.1");
                let call = call
                    .header("keep-alive", "timeout=5")
                    .header("proxy-connection", "x-auth-request-user")
                    .header("te", "trailers");
                let call = nominated
                    .iter()
                    .fold(call, |call, value| call.header("connection", value));
                let seen = opened(&mut gateway, &call).await;
                let options = values(&seen, "connection").join(",").to_lowercase();
                assert_eq!(options, "upgrade", "{nominated:?}: {seen}");
                let own = ["blue/monitoring/karma"];
                let expected = if caller { &own[..] } else { &[] };
                for name in ["x-auth-request-user", "x-portcullis-caller"] {
                    assert_eq!(values(&seen, name), expected, "{nominated:?}: {seen}");
                }
                for name in ["keep-alive", "proxy-connection", "te"] {
                    assert!(
                        values(&seen, name).is_empty(),
                        "{nominated:?}: {name}: {seen}"
                    );
                }
                let lists_note = nominated.iter().any(|value| value.contains("x-note"));
                assert_eq!(values(&seen, "x-note").is_empty(), lists_note, "{seen}");
                assert!(
                    !values(&seen, "x-forwarded-for").is_empty(),
                    "{nominated:?}: {seen}"
                );
            }
        }
        gateway.assert_clean().await;
    }
}

#[tokio::test]
async fn h09_a_preflight_that_opens_a_tunnel_or_has_a_body_is_refused() {
    for version in Version::ALL {
        let gateway = TestGateway::with(edit, |builder| builder.version(version)).await;
        let preflight = || {
            Call::new("OPTIONS", HOST, "/api/live")
                .header("origin", "https://karma.example.com")
                .header("access-control-request-method", "GET")
        };
        for (what, call) in [
            (
                "WebSocket",
                preflight()
                    .header("connection", "upgrade")
                    .header("upgrade", "websocket"),
            ),
            (
                "among others",
                preflight()
                    .header("connection", "keep-alive, UPGRADE, x-note")
                    .header("upgrade", "WebSocket"),
            ),
            (
                "two fields",
                preflight()
                    .header("connection", "keep-alive")
                    .header("connection", "upgrade")
                    .header("upgrade", "websocket"),
            ),
            ("a body", preflight().body("x")),
            (
                "chunks",
                Call::raw(format!(
                    "OPTIONS /api/live HTTP/1.1\r\nhost: {HOST}\r\norigin: https://karma.example.com\r\n\
                     access-control-request-method: GET\r\ntransfer-encoding: chunked\r\n\r\n\
                     1\r\nx\r\n0\r\n\r\n"
                )),
            ),
        ] {
            gateway
                .assert_refused(what, call, 401, "no-credentials")
                .await;
        }
        // HTTP/2 needs no header field for a body.
        let address = gateway.gateway.address();
        for (what, call) in [
            ("a body in HTTP/2", preflight().body("x")),
            ("trailers", preflight().trailer("x-note", "x")),
            ("both", preflight().body("x").trailer("x-note", "x")),
        ] {
            let response = call.send_h2(address).await;
            gateway.assert_refusal(what, response, 401, "no-credentials");
        }
        gateway.assert_clean().await;
    }
}
