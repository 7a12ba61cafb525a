//! A target with TLS, which records the requests that it receives.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper::header::{CONNECTION, LOCATION, TRAILER, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use portcullis_tests::lab::{Authority, port};
use rustls::ServerConfig;
use tokio::net::TcpSocket;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The host in the certificate.
pub(crate) const HOST: &str = "127.0.0.1";

/// How many streams an HTTP/2 connection has at once.
pub(crate) const MAX_STREAMS: u32 = 100;

/// The size of the response at `/large`.
pub(crate) const LARGE: usize = 32 << 20;

/// A running target. Stopped when dropped.
///
/// `/echo` sends the request's body and trailers back as they arrive, `/discard` reads the body first, `/wait` responds after [`Target::release`],
/// `/redirect` redirects to another host, `/large` responds with [`LARGE`] bytes, and `/stall` neither reads the
/// request's body nor ends its response. Upgrades are accepted and echoed. Anything else is `ok`.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    state: Arc<State>,
    tls: Arc<ServerConfig>,
    task: AbortHandle,
}

/// A request as received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) version: Version,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
}

struct State {
    requests: Mutex<Vec<Received>>,
    release: Notify,
    /// One permit for each TLS handshake.
    handshakes: Semaphore,
}

type Body = BoxBody<Bytes, hyper::Error>;

/// A response that does not end, and a request's body that is not read.
struct Stalled(#[expect(dead_code, reason = "it is kept open")] Incoming);

impl HttpBody for Stalled {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Poll::Pending
    }
}

impl Target {
    /// A target that supports HTTP/1.1.
    pub(crate) async fn start() -> Self {
        Self::with(&[HOST], &["http/1.1"]).await
    }

    /// A target that supports HTTP/2 as well.
    pub(crate) async fn with_http2() -> Self {
        Self::with(&[HOST], &["h2", "http/1.1"]).await
    }

    /// A target whose certificate has these names, with these protocols.
    pub(crate) async fn with(names: &[&str], protocols: &[&str]) -> Self {
        let authority = Authority::new();
        let mut tls = ServerConfig::clone(&authority.server(names));
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
        tls.alpn_protocols = protocols.collect();
        let state = Arc::new(State {
            requests: Mutex::default(),
            release: Notify::new(),
            handshakes: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let (tls, address) = (Arc::new(tls), port::free());
        Self {
            task: serve(address, &tls, &state),
            address,
            authority,
            state,
            tls,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The requests received so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Received {
        self.requests().pop().expect("a request")
    }

    /// Lets one request of `/wait` end.
    pub(crate) fn release(&self) {
        self.state.release.notify_one();
    }

    /// Lets the TLS handshakes of new connections wait.
    pub(crate) fn hold_handshakes(&self) {
        self.state.handshakes.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Ends [`Self::hold_handshakes`].
    pub(crate) fn release_handshakes(&self) {
        self.state.handshakes.add_permits(Semaphore::MAX_PERMITS);
    }

    /// Closes all connections and the listener.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    /// Listens again on the same port.
    pub(crate) fn restart(&mut self) {
        self.task = serve(self.address, &self.tls, &self.state);
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Received {
    /// The values of a header.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}

fn serve(address: SocketAddr, tls: &Arc<ServerConfig>, state: &Arc<State>) -> AbortHandle {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(64).unwrap();
    let (acceptor, state) = (TlsAcceptor::from(Arc::clone(tls)), Arc::clone(state));
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
            connections.spawn(async move {
                let _handshake = state.handshakes.acquire().await.unwrap();
                // A client that does not trust the certificate closes the connection.
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(|request| respond(request, Arc::clone(&state)));
                let mut builder = Builder::new(TokioExecutor::new());
                builder.http2().max_concurrent_streams(MAX_STREAMS);
                let _closed = builder
                    .serve_connection_with_upgrades(TokioIo::new(stream), service)
                    .await;
            });
            while connections.try_join_next().is_some() {}
        }
    });
    task.abort_handle()
}

async fn respond(
    mut request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Body>, Infallible> {
    state.requests.lock().unwrap().push(Received {
        version: request.version(),
        uri: request.uri().path_and_query().unwrap().to_string(),
        headers: request.headers().clone(),
    });
    let own = |body: Bytes| Full::new(body).map_err(|never| match never {}).boxed();
    let mut response = Response::new(own("ok".into()));
    if let Some(protocol) = request.headers().get(UPGRADE).cloned() {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
                let _closed = tokio::io::copy(&mut read, &mut write).await;
            }
        });
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.body_mut() = own(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(UPGRADE, protocol);
        headers.insert(CONNECTION, "upgrade".parse().unwrap());
        return Ok(response);
    }
    match request.uri().path().trim_start_matches("/prefix") {
        "/echo" => {
            if let Some(names) = request.headers().get(TRAILER).cloned() {
                response.headers_mut().insert(TRAILER, names);
            }
            *response.body_mut() = request.into_body().boxed();
        }
        "/discard" => {
            let _received = request.into_body().collect().await;
        }
        "/wait" => state.release.notified().await,
        "/redirect" => {
            *response.status_mut() = StatusCode::FOUND;
            let location = "https://other.example.com/login".parse().unwrap();
            response.headers_mut().insert(LOCATION, location);
        }
        "/stall" => *response.body_mut() = Stalled(request.into_body()).boxed(),
        "/large" => *response.body_mut() = own(vec![b'a'; LARGE].into()),
        _ => {}
    }
    Ok(response)
}
