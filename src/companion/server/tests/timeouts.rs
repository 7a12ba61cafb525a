//! Timeouts of connections, on a paused clock.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;

use crate::config::limits;

use super::fixture::*;

#[tokio::test(start_paused = true)]
async fn t29_a_silent_connection_times_out() {
    let (received, second) = TestConnection::new().end().await;
    assert_eq!((&*received, second), ("", limits().header.as_secs()));
}

#[tokio::test(start_paused = true)]
async fn t29_slowloris_times_out_with_the_header() {
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(60));
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for text in [&*endless, preface] {
        let mut connection = TestConnection::new();
        // Each byte must not extend the timeout.
        for byte in text.bytes() {
            if connection.client.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let (received, second) = connection.end().await;
        assert_eq!(received, "");
        assert!((10..=13).contains(&second), "{text:?}: {second}");
    }
}

#[tokio::test(start_paused = true)]
async fn t29_the_second_header_has_the_same_timeout() {
    let mut connection = TestConnection::new();
    connection.send(HELLO).await;
    assert!(
        connection
            .receive()
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
    tokio::time::sleep(Duration::from_secs(50)).await;
    connection.send("GET / HT").await;
    let (_, second) = connection.end().await;
    assert_eq!(second, 50 + limits().header.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_times_out() {
    let mut connection = TestConnection::new();
    for _ in 0..3 {
        connection.send(HELLO).await;
        assert!(connection.receive().await.contains("hello"));
        tokio::time::sleep(limits().idle - Duration::from_secs(1)).await;
    }
    let (received, second) = connection.end().await;
    assert_eq!(
        (&*received, second),
        ("", 3 * (limits().idle.as_secs() - 1) + 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_is_not_idle() {
    let mut connection = TestConnection::new();
    connection
        .send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    tokio::time::sleep(limits().idle * 3).await;
    connection.wait.release.notify_one();
    assert!(connection.receive().await.contains("at last"));
}

#[tokio::test(start_paused = true)]
async fn t29_a_client_that_does_not_read_times_out() {
    let mut connection = TestConnection::new();
    connection
        .send("GET /lot HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    connection.task.await.expect("no panic");
    let most = limits().idle + Duration::from_secs(3);
    assert!(
        connection.began.elapsed() <= most,
        "{:?}",
        connection.began.elapsed()
    );
}

/// The client accepts no byte of any response, and sends further requests.
#[tokio::test(start_paused = true)]
async fn t29_an_http_2_client_that_does_not_read_times_out() {
    let connection = TestConnection::new();
    let began = connection.began;
    let stream = TokioIo::new(connection.client);
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(0);
    let (mut sender, driver) = builder.handshake(stream).await.expect("HTTP/2");
    let driver = tokio::spawn(driver);
    let mut responses = Vec::new();
    loop {
        let request = Request::get("http://a/peer").body(Body::empty());
        match sender.send_request(request.expect("a request")).await {
            Ok(response) => responses.push(response),
            Err(_) => break,
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(began.elapsed() < limits().request * 3, "{responses:?}");
    }
    assert!(began.elapsed() >= limits().request);
    assert!(responses.len() >= 3);
    connection.task.await.expect("no panic");
    let _ = driver.await;
}

#[tokio::test(start_paused = true)]
async fn http_2_works_and_has_the_same_timeouts() {
    let connection = TestConnection::new();
    let stream = TokioIo::new(connection.client);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
    let (mut sender, driver) = handshake.await.expect("HTTP/2");
    let driver = tokio::spawn(driver);
    let request = || {
        Request::get("http://a/peer")
            .body(Body::empty())
            .expect("a request")
    };
    let response = sender.send_request(request()).await.expect("a response");
    assert_eq!(response.version(), Version::HTTP_2);
    drop(response);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        sender
            .send_request(request())
            .await
            .expect("a response")
            .status(),
        200
    );
    let _ = driver.await.expect("no panic");
    assert_eq!(
        connection.began.elapsed().as_secs(),
        60 + limits().idle.as_secs()
    );
}
