//! What these tests share.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::routing::{get, post};
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::{Limits, Listen, limits};
use crate::server::connection::serve_connection;
use crate::server::{ClientConnection, Listener, Peer, Server, Shutdown};

/// Signals of the route `/wait`.
#[derive(Clone, Default)]
pub(super) struct WaitRoute {
    /// A request has arrived.
    pub(super) requested: Arc<Notify>,
    /// Lets the handler respond.
    pub(super) release: Arc<Notify>,
}

/// A connection in memory to a server with the routes below.
pub(super) struct TestConnection {
    pub(super) client: DuplexStream,
    pub(super) task: JoinHandle<()>,
    pub(super) shutdown: Shutdown,
    pub(super) wait: WaitRoute,
    pub(super) began: Instant,
}

fn router(wait: &WaitRoute) -> Router {
    let wait = wait.clone();
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
                wait.requested.notify_one();
                wait.release.notified().await;
                "at last"
            }),
        )
}

impl TestConnection {
    pub(super) fn new() -> Self {
        let (stream, server) = duplex(64 * 1024);
        let client = ClientConnection::uncounted(Peer::Unix);
        let (shutdown, signal) = Shutdown::new();
        let wait = WaitRoute::default();
        let router = router(&wait);
        let task = serve_connection(server, client, router, Arc::new(limits()), signal);
        Self {
            client: stream,
            task: tokio::spawn(task),
            shutdown,
            wait,
            began: Instant::now(),
        }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.client
            .write_all(text.as_bytes())
            .await
            .expect("a listener");
    }

    pub(super) async fn receive(&mut self) -> String {
        receive(&mut self.client).await
    }

    /// What is received until the connection ends, and the seconds until then.
    pub(super) async fn end(mut self) -> (String, u64) {
        let mut received = Vec::new();
        let _ = self.client.read_to_end(&mut received).await;
        self.task.await.expect("no panic");
        (
            String::from_utf8_lossy(&received).into_owned(),
            self.began.elapsed().as_secs(),
        )
    }
}

/// Reads once.
pub(super) async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = vec![0; 4096];
    let count = stream.read(&mut received).await.expect("a response");
    String::from_utf8_lossy(&received[..count]).into_owned()
}

pub(super) const HELLO: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// A server on loopback or a unix socket.
pub(super) struct TestServer {
    pub(super) address: String,
    pub(super) shutdown: Shutdown,
    pub(super) task: JoinHandle<()>,
    pub(super) wait: WaitRoute,
    pub(super) connections: Gauge,
}

impl TestServer {
    pub(super) async fn start(listen: &Listen, limits: Limits) -> Self {
        let listener = Listener::bind(listen).await;
        let listener = listener.unwrap_or_else(|report| panic!("{report}"));
        let (shutdown, signal) = Shutdown::new();
        let (wait, connections) = (WaitRoute::default(), Gauge::default());
        let address = listener.address();
        let server = Server {
            listener,
            tls: None,
            handler: router(&wait),
            limits: Arc::new(limits),
            connections: connections.clone(),
        };
        Self {
            address,
            shutdown,
            task: tokio::spawn(server.run(signal)),
            wait,
            connections,
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("a listener")
    }
}

pub(super) fn loopback() -> Listen {
    Listen::Tcp("127.0.0.1:0".parse().expect("an address"))
}
