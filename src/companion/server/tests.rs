use std::os::unix::fs::PermissionsExt as _;

use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::http::Request;
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_tests::lab::{folder, wait};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::{Listen, limits};

use super::*;

/// When `/wait` has been asked for, and when it is to be answered.
#[derive(Clone, Default)]
struct Answer {
    asked: Arc<Notify>,
    given: Arc<Notify>,
}

/// A connection to a server that responds at once, on request, or with a large body.
struct TestConnection {
    client: DuplexStream,
    server: JoinHandle<()>,
    shutdown: Shutdown,
    answer: Answer,
    began: Instant,
}

fn router(answer: &Answer) -> Router {
    let answer = answer.clone();
    Router::new()
        .route("/", get(async || "hello"))
        .route("/echo", post(async |body: Bytes| body))
        .route("/lot", get(async || vec![b'a'; 1 << 20]))
        .route(
            "/peer",
            get(async |Extension(peer): Extension<Peer>| peer.to_string()),
        )
        .route(
            "/wait",
            get(async move || {
                answer.asked.notify_one();
                answer.given.notified().await;
                "at last"
            }),
        )
}

impl TestConnection {
    fn new() -> Self {
        let (client, server) = duplex(64 * 1024);
        let (shutdown, stop) = Shutdown::new();
        let answer = Answer::default();
        let router = router(&answer);
        let server = serve_connection(server, Peer::Unix, router, Arc::new(limits()), stop);
        Self {
            client,
            server: tokio::spawn(server),
            shutdown,
            answer,
            began: Instant::now(),
        }
    }

    async fn send(&mut self, text: &str) {
        self.client
            .write_all(text.as_bytes())
            .await
            .expect("a listener");
    }

    async fn receive(&mut self) -> String {
        receive(&mut self.client).await
    }

    /// What is said until the connection ends, and the second in which it does.
    async fn end(mut self) -> (String, u64) {
        let mut received = Vec::new();
        let _ = self.client.read_to_end(&mut received).await;
        self.server.await.expect("no panic");
        (
            String::from_utf8_lossy(&received).into_owned(),
            self.began.elapsed().as_secs(),
        )
    }
}

/// The next answer, to the end of what has come of it.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = vec![0; 4096];
    let count = stream.read(&mut received).await.expect("an answer");
    String::from_utf8_lossy(&received[..count]).into_owned()
}

const HELLO: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

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
        // A byte each second buys no time.
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
    connection.answer.given.notify_one();
    assert!(connection.receive().await.contains("at last"));
}

#[tokio::test(start_paused = true)]
async fn t29_a_client_that_does_not_read_times_out() {
    let mut connection = TestConnection::new();
    connection
        .send("GET /lot HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    connection.server.await.expect("no panic");
    let most = limits().idle + Duration::from_secs(3);
    assert!(
        connection.began.elapsed() <= most,
        "{:?}",
        connection.began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn t29_headers_are_limited_in_size_and_number() {
    let long = |length: usize| format!("x: {}\r\n", "a".repeat(length));
    let many = "x: a\r\n".repeat(101);
    for (headers, status) in [
        (long(48 * 1024), "200"),
        (long(80 * 1024), "431"),
        (many, "431"),
    ] {
        let mut connection = TestConnection::new();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        // The server may have had enough before it has all.
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

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_requests_in_flight_and_accepts_no_more() {
    let mut connection = TestConnection::new();
    connection
        .send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    connection.shutdown.start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    connection.answer.given.notify_one();
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
        "one that waits for nothing ends at once"
    );
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
    let answer = sender.send_request(request()).await.expect("an answer");
    assert_eq!(answer.version(), axum::http::Version::HTTP_2);
    drop(answer);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        sender
            .send_request(request())
            .await
            .expect("an answer")
            .status(),
        200
    );
    let _ = driver.await.expect("no panic");
    assert_eq!(
        connection.began.elapsed().as_secs(),
        60 + limits().idle.as_secs()
    );
}

/// A server on loopback or a unix socket.
struct TestServer {
    address: String,
    shutdown: Shutdown,
    server: JoinHandle<()>,
    answer: Answer,
    connections: Gauge,
}

async fn host(listen: &Listen, limits: Limits) -> TestServer {
    let listener = Listener::bind(listen).await;
    let listener = listener.unwrap_or_else(|report| panic!("{report}"));
    let (shutdown, stop) = Shutdown::new();
    let (answer, connections) = (Answer::default(), Gauge::default());
    let address = listener.address();
    let server = Server {
        listener,
        tls: None,
        router: router(&answer),
        limits: Arc::new(limits),
        connections: connections.clone(),
    };
    TestServer {
        address,
        shutdown,
        server: tokio::spawn(server.run(stop)),
        answer,
        connections,
    }
}

fn loopback() -> Listen {
    Listen::Tcp("127.0.0.1:0".parse().expect("an address"))
}

async fn connect(host: &TestServer) -> TcpStream {
    TcpStream::connect(&host.address).await.expect("a listener")
}

#[tokio::test]
async fn handlers_get_the_peer() {
    let host = host(&loopback(), limits()).await;
    let mut stream = connect(&host).await;
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("a listener");
    let own = stream.local_addr().expect("an address").to_string();
    assert!(receive(&mut stream).await.ends_with(&own));
}

#[tokio::test]
async fn t29_connections_over_the_limit_wait() {
    let one = Limits {
        connections: 1,
        ..limits()
    };
    let host = host(&loopback(), one).await;
    let mut first = connect(&host).await;
    first.write_all(HELLO.as_bytes()).await.expect("a listener");
    assert!(receive(&mut first).await.contains("hello"));
    let mut second = connect(&host).await;
    second.write_all(HELLO.as_bytes()).await.expect("a queue");
    // Were there a address, the answer would come in a moment.
    let early = tokio::time::timeout(Duration::from_millis(200), receive(&mut second)).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(host.connections.get(), 1);
    drop(first);
    assert!(receive(&mut second).await.contains("hello"));
    drop(second);
    wait::until_true("no connection", wait::LONG, async || {
        host.connections.get() == 0
    })
    .await;
}

#[tokio::test]
async fn shutdown_refuses_new_connections_and_finishes_open_ones() {
    let host = host(&loopback(), limits()).await;
    let (mut busy, mut quiet) = (connect(&host).await, connect(&host).await);
    let wait = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(wait).await.expect("a listener");
    quiet.write_all(HELLO.as_bytes()).await.expect("a listener");
    assert!(receive(&mut quiet).await.contains("hello"));
    host.answer.asked.notified().await;
    host.shutdown.start();
    let refused = async || TcpStream::connect(&host.address).await.is_err();
    wait::until_true("refusals", wait::LONG, refused).await;
    assert_eq!(
        receive(&mut quiet).await,
        "",
        "an idle connection is closed"
    );
    assert!(!host.server.is_finished());
    host.answer.given.notify_one();
    assert!(receive(&mut busy).await.contains("at last"));
    host.server.await.expect("no panic");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_aborted_at_shutdown() {
    let short = Limits {
        shutdown: Duration::from_millis(100),
        ..limits()
    };
    let host = host(&loopback(), short).await;
    let mut busy = connect(&host).await;
    let wait = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(wait).await.expect("a listener");
    host.answer.asked.notified().await;
    host.shutdown.start();
    host.server.await.expect("no panic");
    assert_eq!(host.connections.get(), 1, "it was still there");
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_and_is_removed() {
    let path = folder::fresh("socket").join("companion");
    let mode = 0o600;
    let listen = Listen::Unix {
        path: path.clone(),
        mode,
    };
    let first = host(&listen, limits()).await;
    let bits = std::fs::metadata(&path)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(bits & 0o777, mode);
    let mut stream = UnixStream::connect(&path).await.expect("a listener");
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("a listener");
    assert!(receive(&mut stream).await.ends_with("unix"));

    let received = Listener::bind(&listen)
        .await
        .expect_err("in use")
        .to_string();
    assert!(
        received.contains("can't listen: ")
            && received.contains("stop the process that listens there"),
        "{received}"
    );

    first.shutdown.start();
    first.server.await.expect("no panic");
    assert!(!path.exists());

    // What a companion left behind that was killed is no reason not to start.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    let second = host(&listen, limits()).await;
    second.shutdown.start();
    second.server.await.expect("no panic");

    std::fs::write(&path, "precious").expect("a file");
    let received = Listener::bind(&listen)
        .await
        .expect_err("a file")
        .to_string();
    assert!(
        received.contains("the path exists and is not a socket"),
        "{received}"
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("the file"),
        "precious"
    );
}

#[tokio::test]
async fn an_unavailable_address_is_an_error_with_help() {
    let host = host(&loopback(), limits()).await;
    for (address, help) in [
        (&*host.address, "use another address"),
        ("192.0.2.1:4180", "an address of this machine"),
    ] {
        let listen = Listen::Tcp(address.parse().expect("an address"));
        let received = Listener::bind(&listen)
            .await
            .expect_err(address)
            .to_string();
        assert!(
            received.starts_with(&format!("error: {address}: can't listen: ")),
            "{received}"
        );
        assert!(received.contains(help), "{received}");
    }
}
