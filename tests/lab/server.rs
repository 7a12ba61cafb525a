//! A TLS server that can send any response, including broken ones, and can go down and come up.

use std::fmt;
use std::future;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::background::{self, Task};
use super::http::{Head, text};
use super::issuer::ServerResponse;
use super::{port, wait};

/// The header with the time of a response.
const DATE: &str = "date";

/// Returns the response to each request.
type Handler = Arc<dyn Fn(Request) -> ServerResponse + Send + Sync>;

/// A server of the lab. Stopped when dropped.
pub(super) struct Server {
    address: SocketAddr,
    identity: Arc<ServerConfig>,
    handler: Handler,
    state: State,
}

/// A request as received.
#[derive(Debug)]
pub(super) struct Request {
    head: Head,
    body: String,
}

/// Up: accepting connections. Down: a bound socket that does not listen reserves the port.
enum State {
    Down(TcpSocket),
    Up {
        task: Task,
        stop: oneshot::Sender<()>,
    },
    Changing,
}

// === impl Server ===

impl Server {
    /// A server with this handler, not reachable yet.
    pub(super) fn down(
        address: SocketAddr,
        identity: Arc<ServerConfig>,
        handler: impl Fn(Request) -> ServerResponse + Send + Sync + 'static,
    ) -> Self {
        let socket = port::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        Self {
            address,
            identity,
            handler: Arc::new(handler),
            state: State::Down(socket),
        }
    }

    /// The address it listens on.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes down: closes its connections and refuses new ones.
    pub(super) async fn go_down(&mut self) {
        if let State::Up { task, stop } = std::mem::replace(&mut self.state, State::Changing) {
            let _stopped = stop.send(());
            task.finish().await;
            // A child process of another test has copies of our sockets until it calls `exec`.
            let freed = wait::until("a free port", wait::LONG, async || {
                port::bind(self.address).ok()
            });
            self.state = State::Down(freed.await);
        }
    }

    /// Comes up again on the same port.
    pub(super) async fn come_up(&mut self) {
        if let State::Down(socket) = std::mem::replace(&mut self.state, State::Changing) {
            let (stop, stopped) = oneshot::channel();
            let (identity, handler) = (Arc::clone(&self.identity), Arc::clone(&self.handler));
            let (task, listening) = run(socket, identity, handler, stopped);
            listening.await.expect("it listens");
            self.state = State::Up { task, stop };
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

// === impl Request ===

impl Request {
    /// The method.
    pub(super) fn method(&self) -> &str {
        self.head.first_line.split(' ').next().unwrap_or_default()
    }

    /// The path with its query.
    pub(super) fn target(&self) -> &str {
        self.head.first_line.split(' ').nth(1).unwrap_or_default()
    }

    /// The path, without a query.
    pub(super) fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.head.header(name)
    }

    /// The body, one character per byte.
    pub(super) fn body(&self) -> &str {
        &self.body
    }
}

/// Serves until it is stopped and all its connections are closed. `listening` is signaled when it
/// listens.
fn run(
    socket: TcpSocket,
    identity: Arc<ServerConfig>,
    handler: Handler,
    mut stopped: oneshot::Receiver<()>,
) -> (Task, oneshot::Receiver<()>) {
    let acceptor = TlsAcceptor::from(identity);
    let (listening, started) = oneshot::channel();
    let task = background::spawn(async move {
        let listener = socket.listen(1024).expect("a reserved port");
        let _received = listening.send(());
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut stopped => break,
            };
            let Ok((stream, _)) = accepted else {
                continue;
            };
            let (acceptor, handler) = (acceptor.clone(), Arc::clone(&handler));
            connections.spawn(async move {
                // A client that does not trust us or disconnects is not a failure of the lab.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _disconnected = serve(stream, &handler).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
        drop(listener);
        connections.shutdown().await;
    });
    (task, started)
}

async fn serve(stream: TlsStream<TcpStream>, handler: &Handler) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(head) = Head::read(&mut stream).await? {
        // A request without a length has no body.
        let body = match head.header("content-length") {
            Some(_) => text(&head.read_body(&mut stream).await?),
            None => String::new(),
        };
        send(handler(Request { head, body }), stream.get_mut()).await?;
    }
    Ok(())
}

async fn send(response: ServerResponse, stream: &mut TlsStream<TcpStream>) -> Result<()> {
    match response {
        ServerResponse::Whole {
            status,
            headers,
            body,
        } => {
            let mut bytes = head(status, body.len());
            // As real servers do.
            if !headers.iter().any(|(name, _)| name == DATE) {
                let date = httpdate::fmt_http_date(SystemTime::now());
                bytes.extend_from_slice(format!("{DATE}: {date}\r\n").as_bytes());
            }
            for (name, value) in headers {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&body);
            stream.write_all(&bytes).await
        }
        ServerResponse::Drip { body, pause } => {
            stream.write_all(&head(200, body.len())).await?;
            stream.write_all(b"\r\n").await?;
            for byte in body {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
        ServerResponse::Truncated { body, sent } => {
            stream.write_all(&head(200, body.len())).await?;
            stream.write_all(b"\r\n").await?;
            stream.write_all(&body[..sent]).await?;
            stream.shutdown().await
        }
        ServerResponse::Silence => future::pending().await,
        ServerResponse::Reset => {
            // Closing with a linger of zero makes the kernel send RST instead of FIN.
            stream.get_mut().0.set_zero_linger()?;
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
}

fn head(status: u16, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n").into_bytes()
}
