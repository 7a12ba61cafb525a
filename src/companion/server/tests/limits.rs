//! Limits on connections and headers.

use std::time::Duration;

use portcullis_tests::lab::wait;
use tokio::io::AsyncWriteExt as _;

use crate::config::{Limits, limits};

use super::fixture::*;

#[tokio::test(start_paused = true)]
async fn t29_headers_are_limited_in_size_and_number() {
    let long = |length: usize| format!("x: {}\r\n", "a".repeat(length));
    let many = |count: usize| "x: a\r\n".repeat(count);
    for (headers, status) in [
        (long(48 * 1024), "200"),
        (long(80 * 1024), "431"),
        // `host` is one more.
        (many(1023), "200"),
        (many(1024), "431"),
    ] {
        let mut connection = TestConnection::new();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        // The server may respond before it has received everything.
        let _ = connection.client.write_all(request.as_bytes()).await;
        let received = connection.receive().await;
        assert!(
            received.starts_with(&format!("HTTP/1.1 {status} ")),
            "{received}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_http_closes_the_connection() {
    for garbage in [
        "\r\n\r\n\0\0\0",
        "\x16\x03\x01\x02\0\x01\0",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\r\n\r\n",
    ] {
        let mut connection = TestConnection::new();
        connection.send(garbage).await;
        let (received, second) = connection.end().await;
        assert!(
            !received.contains("200") && second <= limits().header.as_secs(),
            "{garbage:?}: {received}"
        );
    }
}

#[tokio::test]
async fn t29_connections_over_the_limit_wait() {
    let one = Limits {
        connections: 1,
        ..limits()
    };
    let server = TestServer::start(&loopback(), one).await;
    let mut first = server.connect().await;
    first.write_all(HELLO.as_bytes()).await.expect("a listener");
    assert!(receive(&mut first).await.contains("hello"));
    let mut second = server.connect().await;
    second.write_all(HELLO.as_bytes()).await.expect("a queue");
    // With a free permit the response would arrive at once.
    let early = tokio::time::timeout(Duration::from_millis(200), receive(&mut second)).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(server.connections.get(), 1);
    drop(first);
    assert!(receive(&mut second).await.contains("hello"));
    drop(second);
    wait::until_true("no connection", wait::LONG, async || {
        server.connections.get() == 0
    })
    .await;
}
