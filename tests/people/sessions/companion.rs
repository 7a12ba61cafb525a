//! A companion in this process, as far as the filter sees one: its keys, its revocations, and the
//! refresh of sessions, each answered as it is state.

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

/// Where sessions are refreshed.
pub(crate) const REFRESH: &str = "/oauth2/refresh";
/// Where revocations are read.
pub(crate) const REVOCATIONS: &str = "/oauth2/revocations";
/// Where keys are read.
pub(crate) const KEYS: &str = "/oauth2/jwks";

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct CannedResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body_bytes: usize,
}

/// A companion that can be killed and started again, on the same port.
#[derive(Debug)]
pub(crate) struct Companion {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: Option<Task>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Whether refreshes are answered, or wait.
    open: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    keys: Vec<Value>,
    revocations: Value,
    refresh: CannedResponse,
    seen: Vec<ReceivedRequest>,
}

impl CannedResponse {
    /// This status, and these `Set-Cookie` lines.
    pub(crate) fn cookies(status: u16, lines: impl IntoIterator<Item = String>) -> Self {
        Self {
            status,
            headers: lines.into_iter().map(|line| ("set-cookie", line)).collect(),
            body: String::new(),
        }
    }

    /// 200 and this JSON.
    fn json(body: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }
}

impl ReceivedRequest {
    /// All values of the headers of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let headers = self.headers.iter().filter(|(own, _)| own == name);
        headers.map(|(_, value)| value.as_str()).collect()
    }
}

impl Companion {
    /// A companion that publishes these keys, has ended nothing and refreshes nothing.
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let shared = Shared {
            state: Mutex::new(State {
                keys: Vec::new(),
                revocations: json!({"version": 1, "floor": 0, "entries": []}),
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

    /// Gives this list of revocations out from now on.
    pub(crate) fn revoke(&self, list: Value) {
        self.shared.state().revocations = list;
    }

    /// Answers refreshes like this from now on.
    pub(crate) fn set_refresh_response(&self, answer: CannedResponse) {
        self.shared.state().refresh = answer;
    }

    /// Keeps refreshes waiting, those too that come.
    pub(crate) fn hold(&self) {
        self.shared.open.send_replace(false);
    }

    /// Answers the refreshes that wait.
    pub(crate) fn release(&self) {
        self.shared.open.send_replace(true);
    }

    /// What has come to this path.
    pub(crate) fn requests_to(&self, path: &str) -> Vec<ReceivedRequest> {
        let state = self.shared.state();
        let seen = state.seen.iter().filter(|seen| seen.path == path);
        seen.cloned().collect()
    }

    /// How often this path was asked.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.requests_to(path).len()
    }

    /// Kills it: connections break, and new ones are refused.
    pub(crate) async fn down(&mut self) {
        if let Some(task) = self.task.take() {
            task.stop().await;
        }
    }

    /// Starts it again.
    pub(crate) async fn up(&mut self) {
        // A program that another test starts has a copy of each of our sockets until it runs.
        let listener = wait::until("its port", wait::LONG, async || {
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

    /// Takes a request down, and returns what to answer.
    fn answer(&self, seen: ReceivedRequest) -> CannedResponse {
        let mut state = self.state();
        let answer = match seen.path.as_str() {
            KEYS => CannedResponse::json(&json!({"keys": state.keys})),
            REVOCATIONS => CannedResponse::json(&state.revocations),
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
        answer
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
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            let builder = Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let _gone = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
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
    let answer = shared.answer(seen);
    if refreshes {
        let mut open = shared.open.subscribe();
        let _never_closed = open.wait_for(|open| *open).await;
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let response = response.body(Full::from(answer.body));
    Ok(response.expect("an answer that HTTP can say"))
}
