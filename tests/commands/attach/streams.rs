//! Bodies that are forwarded while they arrive, and WebSockets.

use std::convert::Infallible;
use std::fs;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_tests::lab::{Call, Connection, wait};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::fixture::{Attach, file, token};
use super::target::{LARGE, Target};

/// A body whose parts are sent one by one.
pub(super) struct Parts(mpsc::Receiver<Frame<Bytes>>);

impl Parts {
    /// A sender of parts, and the body that has them.
    pub(super) fn new() -> (mpsc::Sender<Frame<Bytes>>, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (sender, Self(receiver))
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

/// Sends a request over a new connection with HTTP/1.1 or HTTP/2, and returns its response when the header is there.
pub(super) async fn send(
    attach: &Attach,
    is_http2: bool,
    request: Request<Parts>,
) -> Response<Incoming> {
    let stream = TokioIo::new(TcpStream::connect(attach.address).await.unwrap());
    if is_http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }
}

async fn next(response: &mut Response<Incoming>) -> Frame<Bytes> {
    let frame = timeout(wait::LONG, response.frame()).await;
    frame.expect("in time").expect("a part").expect("no error")
}

#[tokio::test]
async fn bodies_and_trailers_are_forwarded_while_they_arrive() {
    for (is_http2, target) in [
        (false, Target::start().await),
        (true, Target::start().await),
        (false, Target::with_http2().await),
        (true, Target::with_http2().await),
    ] {
        let attach = Attach::to(&target, &file(token(600)), &[]).await;
        let (parts, body) = Parts::new();
        // A GET may have a body too: searches of Elasticsearch do.
        let mut request = Request::get("http://127.0.0.1/echo");
        if !is_http2 {
            request = request.header("transfer-encoding", "chunked");
        }
        let request = request
            .header("te", "trailers")
            .header("trailer", "x-checksum, authorization");
        let mut response = send(&attach, is_http2, request.body(body).unwrap()).await;
        assert_eq!(response.status(), 200);
        for text in ["one", "two", "three"] {
            parts.send(Frame::data(text.into())).await.unwrap();
            let part = next(&mut response).await.into_data().expect("data");
            assert_eq!(part, text, "to HTTP/2 {is_http2}");
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", "7".parse().unwrap());
        trailers.insert("authorization", "Bearer client".parse().unwrap());
        parts.send(Frame::trailers(trailers)).await.unwrap();
        drop(parts);
        let trailers = next(&mut response).await.into_trailers();
        let trailers = trailers.expect("trailers");
        assert_eq!(trailers.get("x-checksum").unwrap(), "7");
        assert!(!trailers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn websockets_are_forwarded() {
    // With HTTP/2, which has no such upgrade, another connection is opened.
    for target in [Target::start().await, Target::with_http2().await] {
        let own = token(600);
        let attach = Attach::to(&target, &file(&own), &[]).await;
        assert_eq!(attach.get("/").await.status, 200);
        let call = Call::get("127.0.0.1", "/live")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("authorization", "Bearer client");
        let mut connection = Connection::open(attach.address).await.unwrap();
        let response = connection.send(&call).await;
        assert_eq!(response.status, 101);
        assert_eq!(response.header("upgrade").as_deref(), Some("websocket"));
        for text in [&b"there"[..], b"and back"] {
            connection.write(text).await.unwrap();
            assert_eq!(connection.read(text.len()).await.unwrap(), text);
        }
        let received = target.last();
        assert_eq!(received.values("authorization"), [format!("Bearer {own}")]);
        assert_eq!(received.values("upgrade"), ["websocket"]);
        let open = format!(
            "connections{{target=\"{}\",listen=\"{}\"}} 1\n",
            target.url(),
            attach.address
        );
        assert!(attach.metrics().await.contains(&open), "it is counted");
        drop(connection);
        let closed = open.replace("} 1", "} 0");
        let is_closed = async || attach.metrics().await.contains(&closed);
        wait::until_true("the end", wait::LONG, is_closed).await;
    }
}

/// With h2c, requests could follow that are not seen.
#[tokio::test]
async fn other_upgrades_are_not_forwarded() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    for (connection, protocol) in [
        ("upgrade, http2-settings", "h2c"),
        ("upgrade", "websocket, h2c"),
        ("upgrade", "TLS/1.0"),
        ("keep-alive", "websocket"),
    ] {
        let call = Call::get("127.0.0.1", "/")
            .header("connection", connection)
            .header("upgrade", protocol)
            .header("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA");
        let response = attach.send(&call).await;
        assert_eq!(
            (response.status, &*response.text()),
            (200, "ok"),
            "{protocol}"
        );
        let received = target.last();
        for name in ["upgrade", "connection", "http2-settings"] {
            assert!(received.values(name).is_empty(), "{protocol}: {name}");
        }
    }
}

/// A client that does not read must not make `attach` buffer the response.
#[tokio::test]
async fn a_slow_client_slows_the_target_down() {
    for (is_http2, target) in [
        (false, Target::start().await),
        (true, Target::start().await),
        (false, Target::with_http2().await),
        (true, Target::with_http2().await),
    ] {
        let attach = Attach::to(&target, &file(token(600)), &[]).await;
        let mut responses = Vec::new();
        for _ in 0..4 {
            let (_, body) = Parts::new();
            let request = Request::get("http://127.0.0.1/large").body(body).unwrap();
            responses.push(send(&attach, is_http2, request).await);
        }
        // Four times 32 MiB are on their way.
        let resident = || {
            let status = fs::read_to_string(format!("/proc/{}/status", attach.process.id()));
            let status = status.unwrap();
            let line = status
                .lines()
                .find(|line| line.starts_with("VmHWM:"))
                .unwrap();
            let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kilobytes / 1024
        };
        for response in responses {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), LARGE);
        }
        let peak = resident();
        assert!(peak < 64, "{peak} MiB");
    }
}

/// The body of a client that ends too early is no complete request.
#[tokio::test]
async fn an_interrupted_upload_is_not_completed() {
    let target = Target::start().await;
    let attach = Attach::to(&target, &file(token(600)), &[]).await;
    let head = "POST /echo HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nhalf";
    let stream = TcpStream::connect(attach.address).await.unwrap();
    stream.writable().await.unwrap();
    stream.try_write(head.as_bytes()).unwrap();
    let is_there = async || target.requests().len() == 1;
    wait::until_true("the request", wait::LONG, is_there).await;
    drop(stream);
    let closed = format!(
        "connections{{target=\"{}\",listen=\"{}\"}} 0\n",
        target.url(),
        attach.address
    );
    let is_closed = async || attach.metrics().await.contains(&closed);
    wait::until_true("the end", wait::LONG, is_closed).await;
    assert_eq!(attach.get("/").await.status, 200);
}
