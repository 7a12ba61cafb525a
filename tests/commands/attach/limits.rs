//! Limits on clients, and on targets that do not respond.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use hyper::{Request, Version};
use portcullis_tests::lab::{Call, port, wait};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::fixture::{Attach, file, refusal, token};
use super::streams::{Parts, send};
use super::target::{MAX_STREAMS, Target};

/// Forwards with these limits.
async fn limited(target: &Target, limits: Value) -> Attach {
    let address = port::free();
    let config = json!({
        "token_file": file(token(600)),
        "ca_file": target.authority.file(),
        "forwards": [{"listen": address, "to": target.url()}],
        "log": {"level": "debug"},
        "limits": limits,
    });
    Attach::configured(address, &config).await
}

/// A connection that sends this.
fn open(attach: &Attach, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(attach.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// What is received until the connection is closed.
fn rest(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let _reset = stream.read_to_end(&mut received);
    String::from_utf8_lossy(&received).into_owned()
}

#[tokio::test]
async fn headers_are_limited() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"header_bytes": 8192})).await;
    let call = Call::get("127.0.0.1", "/").header("x-large", "a".repeat(9000));
    assert_eq!(attach.send(&call).await.status, 431);
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn slow_headers_time_out() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"header": "1s"})).await;
    let began = Instant::now();
    let stream = open(&attach, b"GET / HTTP/1.1\r\nx: ");
    let received = tokio::task::spawn_blocking(|| rest(stream)).await.unwrap();
    assert_eq!(received, "");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_target_that_does_not_respond_is_a_timeout() {
    for target in [Target::start().await, Target::with_http2().await] {
        let attach = limited(&target, json!({"request": "1s"})).await;
        let response = attach.get("/wait").await;
        assert_eq!(
            (response.status, &*refusal(&response).0),
            (504, "target-timeout")
        );
        let metrics = attach.metrics().await;
        assert!(
            metrics.contains("outcome=\"target-timeout\"} 1\n"),
            "{metrics}"
        );
        assert_eq!(attach.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn a_client_that_does_not_send_its_body_times_out() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"request": "1s"})).await;
    let stream = open(
        &attach,
        b"POST /wait HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nhalf",
    );
    let received = tokio::task::spawn_blocking(|| rest(stream)).await.unwrap();
    assert!(received.starts_with("HTTP/1.1 408 "), "{received}");
    assert!(
        received.contains("\"reason\":\"request-timeout\""),
        "{received}"
    );
}

/// A slow upload that makes progress takes longer than the limit.
#[tokio::test]
async fn a_slow_body_that_arrives_is_no_timeout() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"request": "1s"})).await;
    let mut stream = open(
        &attach,
        b"POST /discard HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 8\r\n\r\n",
    );
    let received = tokio::task::spawn_blocking(move || {
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(300));
            stream.write_all(b"a").unwrap();
        }
        rest(stream)
    });
    let received = received.await.unwrap();
    assert!(received.starts_with("HTTP/1.1 200 "), "{received}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"request": "1s"})).await;
    let _stream = open(&attach, b"GET /large HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    let gauge = format!(
        "connections{{target=\"{}\",listen=\"{}\"}} ",
        target.url(),
        attach.address
    );
    let count = async |number: u8| {
        attach
            .metrics()
            .await
            .contains(&format!("{gauge}{number}\n"))
    };
    wait::until_true("the connection", wait::LONG, async || count(1).await).await;
    wait::until_true("its end", wait::LONG, async || count(0).await).await;
}

/// After its response's header, only TCP tells that a target does not take the body.
#[tokio::test]
async fn a_target_that_does_not_read_is_disconnected() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"request": "1s"})).await;
    let (parts, body) = Parts::new();
    let request = Request::post("http://127.0.0.1/stall").header("transfer-encoding", "chunked");
    let response = send(&attach, false, request.body(body).unwrap()).await;
    assert_eq!(response.status(), 200);
    let part = Bytes::from(vec![b'a'; 64 << 10]);
    let upload =
        tokio::spawn(async move { while parts.send(Frame::data(part.clone())).await.is_ok() {} });
    let ended = timeout(wait::LONG, response.into_body().collect()).await;
    assert!(ended.expect("in time").is_err());
    upload.await.unwrap();
}

/// An HTTP/2 connection has a limited number of streams.
#[tokio::test]
async fn long_requests_do_not_delay_others() {
    let target = Target::with_http2().await;
    let attach = Arc::new(Attach::to(&target, &file(token(600)), &[]).await);
    let mut long = JoinSet::new();
    for _ in 0..2 * MAX_STREAMS + 1 {
        let attach = Arc::clone(&attach);
        long.spawn(async move { attach.get("/wait").await.status });
    }
    let count = 2 * MAX_STREAMS as usize + 1;
    let all = async || target.requests().len() == count;
    wait::until_true("all requests", wait::LONG, all).await;
    assert_eq!(attach.get("/").await.status, 200);
    assert_eq!(target.last().version, Version::HTTP_2);
    for _ in 0..count {
        target.release();
        assert_eq!(long.join_next().await.unwrap().unwrap(), 200);
    }
}

/// A stream may be silent for longer than the limit.
#[tokio::test]
async fn a_silent_response_is_no_timeout() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"request": "1s"})).await;
    let mut stream = open(
        &attach,
        b"POST /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
    );
    let received = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(2500));
        stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
        rest(stream)
    });
    let received = received.await.unwrap();
    assert!(
        received.contains("one") && received.contains("two"),
        "{received}"
    );
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let target = Target::start().await;
    let attach = limited(&target, json!({"connections": 1})).await;
    let first = open(
        &attach,
        b"GET /wait HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
    );
    wait::until_true("the request", wait::LONG, async || {
        target.requests().len() == 1
    })
    .await;
    let second = open(
        &attach,
        b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
    );
    target.release();
    let received = tokio::task::spawn_blocking(|| (rest(first), rest(second)));
    let (first, second) = received.await.unwrap();
    assert!(first.starts_with("HTTP/1.1 200 ") && second.starts_with("HTTP/1.1 200 "));
}
