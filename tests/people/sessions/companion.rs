//! An in-process companion with the endpoints that the filter calls: keys, revocations and refresh.
//! The test sets the responses.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use portcullis_tests::lab::background::{self, Task};
use portcullis_tests::lab::{SigningKey, port, wait};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The path that refreshes sessions.
pub(crate) const REFRESH: &str = "/oauth2/refresh";
/// The path of revocations.
pub(crate) const REVOCATIONS: &str = "/oauth2/revocations";
/// The path of the keys.
pub(crate) const KEYS: &str = "/oauth2/jwks";

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct CannedResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// A request that the companion received.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body_bytes: usize,
}

/// A companion that can be stopped and started again on the same port.
#[derive(Debug)]
pub(crate) struct Companion {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: Option<Task>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Whether refresh requests get a response or are held.
    open: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    keys: Vec<Value>,
    revocations: Value,
    /// The number of the list, which is its entity tag.
    edition: u32,
    refresh: CannedResponse,
    seen: Vec<ReceivedRequest>,
}

impl CannedResponse {
    /// This status with these `Set-Cookie` lines.
    pub(crate) fn cookies(status: u16, lines: impl IntoIterator<Item = String>) -> Self {
        Self {
            status,
            headers: lines.into_iter().map(|line| ("set-cookie", line)).collect(),
            body: String::new(),
        }
    }

    /// 200 with this JSON.
    fn json(body: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }
}

impl ReceivedRequest {
    /// All values of the headers with this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let headers = self.headers.iter().filter(|(own, _)| own == name);
        headers.map(|(_, value)| value.as_str()).collect()
    }
}

impl Companion {
    /// A companion that publishes these keys, has an empty revocation list and refuses refresh
    /// requests.
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let shared = Shared {
            state: Mutex::new(State {
                keys: Vec::new(),
                revocations: json!({"version": 1, "floor": 0, "entries": []}),
                edition: 0,
                refresh: CannedResponse::cookies(500, []),
                seen: Vec::new(),
            }),
            open: watch::Sender::new(true),
        };
        let mut companion = Self {
            address: port::free(),
            shared: Arc::new(shared),
            task: None,
        };
        companion.set_keys(keys);
        companion.up().await;
        companion
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes these keys from now on.
    pub(crate) fn set_keys(&self, keys: &[&SigningKey]) {
        self.shared.state().keys = keys.iter().map(|key| key.jwk()).collect();
    }

    /// Publishes this revocation list from now on.
    pub(crate) fn revoke(&self, list: Value) {
        let mut state = self.shared.state();
        state.revocations = list;
        state.edition += 1;
    }

    /// Sets the response to refresh requests.
    pub(crate) fn set_refresh_response(&self, response: CannedResponse) {
        self.shared.state().refresh = response;
    }

    /// Holds refresh requests, including later ones.
    pub(crate) fn hold(&self) {
        self.shared.open.send_replace(false);
    }

    /// Responds to the held refresh requests.
    pub(crate) fn release(&self) {
        self.shared.open.send_replace(true);
    }

    /// The requests for this path.
    pub(crate) fn requests_to(&self, path: &str) -> Vec<ReceivedRequest> {
        let state = self.shared.state();
        let seen = state.seen.iter().filter(|seen| seen.path == path);
        seen.cloned().collect()
    }

    /// The number of requests for this path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests_to(path).len()
    }

    /// Stops it: connections break, and new ones are refused.
    pub(crate) async fn down(&mut self) {
        if let Some(task) = self.task.take() {
            task.stop().await;
        }
    }

    /// Starts it again.
    pub(crate) async fn up(&mut self) {
        // A child process of another test has copies of our sockets until it calls `exec`.
        let listener = wait::until("the port", wait::LONG, async || {
            TcpListener::bind(self.address).await.ok()
        });
        let listener = listener.await;
        let listener = listener.into_std().expect("a listener");
        self.task = Some(background::spawn(accept(
            listener,
            Arc::clone(&self.shared),
        )));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }

    /// Records a request, and returns the response.
    fn respond(&self, seen: ReceivedRequest) -> CannedResponse {
        let mut state = self.state();
        let response = match seen.path.as_str() {
            KEYS => CannedResponse::json(&json!({"keys": state.keys})),
            REVOCATIONS => {
                let etag = format!("\"edition-{}\"", state.edition);
                let is_known = seen.all("if-none-match") == [etag.as_str()];
                let mut list = CannedResponse::json(&state.revocations);
                list.headers.push(("etag", etag));
                if is_known {
                    list.status = 304;
                    list.body.clear();
                }
                list
            }
            REFRESH => state.refresh.clone(),
            path => {
                let mut page = CannedResponse::json(&json!({"companion": path}));
                for name in ["cache-control", "cdn-cache-control", "surrogate-control"] {
                    page.headers.push((name, "public, max-age=3600".to_owned()));
                }
                page
            }
        };
        state.seen.push(seen);
        response
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener for the runtime");
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| respond(request, Arc::clone(&shared)));
            let builder = Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let _disconnected = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    let mut seen = ReceivedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        headers: headers.collect(),
        body_bytes: 0,
    };
    if let Ok(body) = request.into_body().collect().await {
        seen.body_bytes = body.to_bytes().len();
    }
    let refreshes = seen.path == REFRESH;
    let canned = shared.respond(seen);
    if refreshes {
        let mut open = shared.open.subscribe();
        let _never_closed = open.wait_for(|open| *open).await;
    }
    let mut response = Response::builder().status(canned.status);
    for (name, value) in canned.headers {
        response = response.header(name, value);
    }
    let response = response.body(Full::from(canned.body));
    Ok(response.expect("a valid HTTP response"))
}
