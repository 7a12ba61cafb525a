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

/// A connection to a server that answers at once, when told to, or with a lot.
struct Talk {
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

impl Talk {
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

    async fn say(&mut self, text: &str) {
        self.client
            .write_all(text.as_bytes())
            .await
            .expect("a listener");
    }

    async fn hear(&mut self) -> String {
        hear(&mut self.client).await
    }

    /// What is said until the connection ends, and the second in which it does.
    async fn end(mut self) -> (String, u64) {
        let mut told = Vec::new();
        let _ = self.client.read_to_end(&mut told).await;
        self.server.await.expect("no panic");
        (
            String::from_utf8_lossy(&told).into_owned(),
            self.began.elapsed().as_secs(),
        )
    }
}

/// The next answer, to the end of what has come of it.
async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut told = vec![0; 4096];
    let count = stream.read(&mut told).await.expect("an answer");
    String::from_utf8_lossy(&told[..count]).into_owned()
}

const HELLO: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn t29_who_says_nothing_is_not_waited_for() {
    let (told, second) = Talk::new().end().await;
    assert_eq!((&*told, second), ("", limits().header.as_secs()));
}

#[tokio::test(start_paused = true)]
async fn t29_slowloris_has_the_time_of_one_header() {
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(60));
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for text in [&*endless, preface] {
        let mut talk = Talk::new();
        // A byte each second buys no time.
        for byte in text.bytes() {
            if talk.client.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let (told, second) = talk.end().await;
        assert_eq!(told, "");
        assert!((10..=13).contains(&second), "{text:?}: {second}");
    }
}

#[tokio::test(start_paused = true)]
async fn t29_the_second_header_has_no_more_time_than_the_first() {
    let mut talk = Talk::new();
    talk.say(HELLO).await;
    assert!(talk.hear().await.starts_with("HTTP/1.1 200 OK\r\n"));
    tokio::time::sleep(Duration::from_secs(50)).await;
    talk.say("GET / HT").await;
    let (_, second) = talk.end().await;
    assert_eq!(second, 50 + limits().header.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_the_next_request_and_no_longer() {
    let mut talk = Talk::new();
    for _ in 0..3 {
        talk.say(HELLO).await;
        assert!(talk.hear().await.contains("hello"));
        tokio::time::sleep(limits().idle - Duration::from_secs(1)).await;
    }
    let (told, second) = talk.end().await;
    assert_eq!(
        (&*told, second),
        ("", 3 * (limits().idle.as_secs() - 1) + 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_is_not_taken_for_idleness() {
    let mut talk = Talk::new();
    talk.say("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(limits().idle * 3).await;
    talk.answer.given.notify_one();
    assert!(talk.hear().await.contains("at last"));
}

#[tokio::test(start_paused = true)]
async fn t29_who_does_not_read_its_answer_is_not_waited_for() {
    let mut talk = Talk::new();
    talk.say("GET /lot HTTP/1.1\r\nhost: a\r\n\r\n").await;
    talk.server.await.expect("no panic");
    let most = limits().idle + Duration::from_secs(3);
    assert!(talk.began.elapsed() <= most, "{:?}", talk.began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn t29_headers_have_a_length_and_a_number() {
    let long = |length: usize| format!("x: {}\r\n", "a".repeat(length));
    let many = "x: a\r\n".repeat(101);
    for (headers, status) in [
        (long(48 * 1024), "200"),
        (long(80 * 1024), "431"),
        (many, "431"),
    ] {
        let mut talk = Talk::new();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        // The server may have had enough before it has all.
        let _ = talk.client.write_all(request.as_bytes()).await;
        let told = talk.hear().await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_ends_the_connection() {
    for garbage in [
        "\r\n\r\n\0\0\0",
        "\x16\x03\x01\x02\0\x01\0",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\r\n\r\n",
    ] {
        let mut talk = Talk::new();
        talk.say(garbage).await;
        let (told, second) = talk.end().await;
        assert!(
            !told.contains("200") && second <= limits().header.as_secs(),
            "{garbage:?}: {told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_finishes_what_it_answers_and_takes_nothing_more() {
    let mut talk = Talk::new();
    talk.say("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    talk.shutdown.start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    talk.answer.given.notify_one();
    let (told, second) = talk.end().await;
    assert!(
        told.contains("at last") && told.contains("connection: close"),
        "{told}"
    );
    assert_eq!(second, 2);

    let mut talk = Talk::new();
    talk.say(HELLO).await;
    talk.hear().await;
    talk.shutdown.start();
    let (told, second) = talk.end().await;
    assert_eq!(
        (&*told, second),
        ("", 0),
        "one that waits for nothing ends at once"
    );
}

#[tokio::test(start_paused = true)]
async fn http_2_is_spoken_and_waits_no_longer() {
    let talk = Talk::new();
    let stream = TokioIo::new(talk.client);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
    let (mut sender, connection) = handshake.await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
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
    let _ = connection.await.expect("no panic");
    assert_eq!(talk.began.elapsed().as_secs(), 60 + limits().idle.as_secs());
}

/// A server on loopback or a unix socket.
struct Host {
    place: String,
    shutdown: Shutdown,
    server: JoinHandle<()>,
    answer: Answer,
    connections: Gauge,
}

async fn host(listen: &Listen, limits: Limits) -> Host {
    let listener = Listener::bind(listen).await;
    let listener = listener.unwrap_or_else(|report| panic!("{report}"));
    let (shutdown, stop) = Shutdown::new();
    let (answer, connections) = (Answer::default(), Gauge::default());
    let place = listener.address();
    let server = Server {
        listener,
        tls: None,
        router: router(&answer),
        limits: Arc::new(limits),
        connections: connections.clone(),
    };
    Host {
        place,
        shutdown,
        server: tokio::spawn(server.run(stop)),
        answer,
        connections,
    }
}

fn loopback() -> Listen {
    Listen::Tcp("127.0.0.1:0".parse().expect("an address"))
}

async fn connect(host: &Host) -> TcpStream {
    TcpStream::connect(&host.place).await.expect("a listener")
}

#[tokio::test]
async fn handlers_know_who_asks() {
    let host = host(&loopback(), limits()).await;
    let mut stream = connect(&host).await;
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("a listener");
    let own = stream.local_addr().expect("an address").to_string();
    assert!(hear(&mut stream).await.ends_with(&own));
}

#[tokio::test]
async fn t29_who_finds_no_place_waits_until_there_is_one() {
    let one = Limits {
        connections: 1,
        ..limits()
    };
    let host = host(&loopback(), one).await;
    let mut first = connect(&host).await;
    first.write_all(HELLO.as_bytes()).await.expect("a listener");
    assert!(hear(&mut first).await.contains("hello"));
    let mut second = connect(&host).await;
    second.write_all(HELLO.as_bytes()).await.expect("a queue");
    // Were there a place, the answer would come in a moment.
    let early = tokio::time::timeout(Duration::from_millis(200), hear(&mut second)).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(host.connections.get(), 1);
    drop(first);
    assert!(hear(&mut second).await.contains("hello"));
    drop(second);
    wait::until_true("no connection", wait::LONG, async || {
        host.connections.get() == 0
    })
    .await;
}

#[tokio::test]
async fn told_to_stop_it_refuses_who_comes_and_finishes_who_is_there() {
    let host = host(&loopback(), limits()).await;
    let (mut busy, mut quiet) = (connect(&host).await, connect(&host).await);
    let wait = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(wait).await.expect("a listener");
    quiet.write_all(HELLO.as_bytes()).await.expect("a listener");
    assert!(hear(&mut quiet).await.contains("hello"));
    host.answer.asked.notified().await;
    host.shutdown.start();
    let refused = async || TcpStream::connect(&host.place).await.is_err();
    wait::until_true("refusals", wait::LONG, refused).await;
    assert_eq!(
        hear(&mut quiet).await,
        "",
        "who waits for nothing is let go"
    );
    assert!(!host.server.is_finished());
    host.answer.given.notify_one();
    assert!(hear(&mut busy).await.contains("at last"));
    host.server.await.expect("no panic");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_when_it_stops() {
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
async fn a_unix_socket_is_for_whom_its_mode_says_and_gone_in_the_end() {
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
    assert!(hear(&mut stream).await.ends_with("unix"));

    let told = Listener::bind(&listen)
        .await
        .expect_err("in use")
        .to_string();
    assert!(
        told.contains("can't listen: ") && told.contains("stop the process that listens there"),
        "{told}"
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
    let told = Listener::bind(&listen)
        .await
        .expect_err("a file")
        .to_string();
    assert!(
        told.contains("the path exists and is not a socket"),
        "{told}"
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("the file"),
        "precious"
    );
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_told_with_the_mend() {
    let host = host(&loopback(), limits()).await;
    for (place, help) in [
        (&*host.place, "use another address"),
        ("192.0.2.1:4180", "an address of this machine"),
    ] {
        let listen = Listen::Tcp(place.parse().expect("an address"));
        let told = Listener::bind(&listen).await.expect_err(place).to_string();
        assert!(
            told.starts_with(&format!("error: {place}: can't listen: ")),
            "{told}"
        );
        assert!(told.contains(help), "{told}");
    }
}
