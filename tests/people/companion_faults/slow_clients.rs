//! Slow clients at each step of a request: each is disconnected within the limit, and others are
//! not delayed.

use std::sync::Arc;
use std::time::Duration;

use portcullis_tests::lab::{Authority, Call, Companion, wait};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::companion_faults::deployment::{AUTH, URL};

/// The pause between two bytes, so short that no connection is idle.
const PAUSE: Duration = Duration::from_millis(50);

/// The number of clients of each kind.
const CLIENTS: usize = 20;

#[tokio::test]
async fn t29_slow_clients_are_disconnected_while_others_are_served() {
    let authority = Authority::new();
    let companion = Companion::with(
        json!({
            "url": URL,
            "providers": [{"issuer": "https://localhost:1", "client_id": "portcullis"}],
            "session": {"cookie": {"domain": "example.com"}},
            "limits": {"handshake": "4s", "header": "4s", "request": "4s"},
        }),
        &json!({
            "sso": {"url": URL, "envoy_cluster": "portcullis"},
            "apps": [{
                "name": "app", "hosts": ["app.example.com"],
                "rules": [{"name": "all", "allow": [{"from": "sso", "anyone": true}]}],
            }],
        }),
    );
    let companion = companion.tls(&authority, AUTH).start().await;
    let (address, trust) = (companion.address(), authority.trust());

    let mut slow_clients = JoinSet::new();
    for _ in 0..CLIENTS {
        // The beginning of a record of 16 KiB, as in a ClientHello.
        slow_clients.spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            (
                "a handshake",
                send_slowly(stream, b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03").await,
            )
        });
        for (what, begin) in [
            (
                "a header",
                &b"GET /ping HTTP/1.1\r\nhost: auth.example.com\r\nx-slow: "[..],
            ),
            (
                "a body",
                b"POST /oauth2/backchannel-logout HTTP/1.1\r\nhost: auth.example.com\r\n\
                  content-type: application/x-www-form-urlencoded\r\ncontent-length: 60000\r\n\r\n\
                  logout_token=",
            ),
        ] {
            let trust = Arc::clone(&trust);
            slow_clients.spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                (
                    what,
                    send_slowly(over_tls(stream, &trust).await, begin).await,
                )
            });
        }
    }
    // At least one check while all of them are slow, and more until they are gone.
    let mut ended = Vec::new();
    let ping = Call::get(AUTH, "/ping");
    while ended.len() < 3 * CLIENTS {
        assert_eq!(companion.call(ping.clone()).await.status, 200);
        while let Some(one) = slow_clients.try_join_next() {
            ended.push(one.unwrap());
        }
    }
    for (what, received) in ended {
        match (what, received) {
            ("a body", Some(received)) if !received.is_empty() => {
                assert!(received.starts_with("HTTP/1.1 503 "), "{received}");
            }
            (_, received) => assert!(received.is_some(), "{what}: not disconnected"),
        }
    }
    let metrics = Call::get("localhost", "/metrics");
    wait::until_true("the disconnection of all clients", wait::LONG, async || {
        let text = metrics.send(companion.metrics()).await.text();
        text.contains("portcullis_companion_connections 0\n")
    })
    .await;
}

/// Sends this, and then one byte at a time until the peer closes. Returns what the peer sent
/// before; `None` if it did not close within [`wait::LONG`].
async fn send_slowly(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    begin: &[u8],
) -> Option<String> {
    let sending = async {
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        let mut next = begin;
        loop {
            if stream.write_all(next).await.is_err() || stream.flush().await.is_err() {
                break;
            }
            next = b"x";
            match timeout(PAUSE, stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(count)) => received.extend_from_slice(&buffer[..count]),
                Err(_) => {}
            }
        }
        String::from_utf8_lossy(&received).into_owned()
    };
    timeout(wait::LONG, sending).await.ok()
}

async fn over_tls(
    stream: TcpStream,
    trust: &Arc<ClientConfig>,
) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
    let name = ServerName::try_from(AUTH).unwrap();
    let connector = TlsConnector::from(Arc::clone(trust));
    connector.connect(name, stream).await.unwrap()
}
