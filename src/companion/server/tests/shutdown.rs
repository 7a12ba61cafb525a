//! The end of a server.

use std::time::Duration;

use portcullis_tests::lab::wait;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::config::{Limits, limits};

use super::fixture::*;

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_requests_in_flight_and_accepts_no_more() {
    let mut connection = TestConnection::new();
    connection
        .send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    connection.shutdown.start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    connection.wait.release.notify_one();
    let (received, second) = connection.end().await;
    assert!(
        received.contains("at last") && received.contains("connection: close"),
        "{received}"
    );
    assert_eq!(second, 2);

    let mut connection = TestConnection::new();
    connection.send(HELLO).await;
    connection.receive().await;
    connection.shutdown.start();
    let (received, second) = connection.end().await;
    assert_eq!(
        (&*received, second),
        ("", 0),
        "a connection without requests closes at once"
    );
}

#[tokio::test]
async fn shutdown_refuses_new_connections_and_finishes_open_ones() {
    let server = TestServer::start(&loopback(), limits()).await;
    let (mut busy, mut quiet) = (server.connect().await, server.connect().await);
    let wait = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(wait).await.expect("a listener");
    quiet.write_all(HELLO.as_bytes()).await.expect("a listener");
    assert!(receive(&mut quiet).await.contains("hello"));
    server.wait.requested.notified().await;
    server.shutdown.start();
    let refused = async || TcpStream::connect(&server.address).await.is_err();
    wait::until_true("refusals", wait::LONG, refused).await;
    assert_eq!(
        receive(&mut quiet).await,
        "",
        "an idle connection is closed"
    );
    assert!(!server.task.is_finished());
    server.wait.release.notify_one();
    assert!(receive(&mut busy).await.contains("at last"));
    server.task.await.expect("no panic");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_aborted_at_shutdown() {
    let short = Limits {
        shutdown: Duration::from_millis(100),
        ..limits()
    };
    let server = TestServer::start(&loopback(), short).await;
    let mut busy = server.connect().await;
    let wait = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(wait).await.expect("a listener");
    server.wait.requested.notified().await;
    server.shutdown.start();
    server.task.await.expect("no panic");
    assert_eq!(server.connections.get(), 1, "the connection was open");
}
