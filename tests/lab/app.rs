//! An app behind the gateway that echoes each request as JSON.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::background::{self, Task};
use super::http::text;

/// A running app.
///
/// Each response is JSON: `app`, `method`, `path`, `headers` and `trailers` (pairs of name and
/// value, in order) and `body_bytes`. It accepts every upgrade and then echoes bytes. It speaks
/// HTTP/1.1 and HTTP/2 with prior knowledge.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    requests: Requests,
    _task: Task,
}

type Requests = Arc<Mutex<Vec<Value>>>;

/// The path whose responses are publicly cacheable for a minute.
pub const CACHED: &str = "/cached";

/// The path of a service worker, which requests every page itself.
pub const SERVICE_WORKER: &str = "/worker.js";

const SERVICE_WORKER_SCRIPT: &str = "
    addEventListener('install', () => skipWaiting());
    addEventListener('activate', (event) => event.waitUntil(clients.claim()));
    addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));
";

impl App {
    /// Starts an app with this name.
    ///
    /// # Panics
    /// If no port on loopback is free.
    pub async fn start(name: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener
            .set_nonblocking(true)
            .expect("a listener that does not block");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let requests = Requests::default();
        let task = background::spawn(accept(listener, Arc::from(name), Arc::clone(&requests)));
        Self {
            address,
            requests,
            _task: task,
        }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests received so far, each as it was echoed.
    ///
    /// # Panics
    /// Never: no thread panics while it holds the lock.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.requests
            .lock()
            .expect("no panic while it is held")
            .clone()
    }

    /// The number of requests received.
    #[must_use]
    pub fn count(&self) -> usize {
        self.requests().len()
    }
}

async fn accept(listener: std::net::TcpListener, name: Arc<str>, requests: Requests) {
    let listener = TcpListener::from_std(listener).expect("a listener for the runtime");
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (name, requests) = (Arc::clone(&name), Arc::clone(&requests));
        connections.spawn(async move {
            let service =
                service_fn(|request| respond(request, Arc::clone(&name), Arc::clone(&requests)));
            let builder = Builder::new(TokioExecutor::new());
            let _disconnected = builder
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    mut request: Request<Incoming>,
    name: Arc<str>,
    requests: Requests,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let upgrade = request.headers().get(UPGRADE).cloned();
    let headers = pairs(request.headers());
    let mut record = json!({
        "app": &*name,
        "method": request.method().as_str(),
        "path": request.uri().path_and_query().map(ToString::to_string),
        "headers": headers,
        "body_bytes": 0,
    });
    if upgrade.is_none()
        && let Ok(body) = request.body_mut().collect().await
    {
        record["trailers"] = json!(body.trailers().map(pairs).unwrap_or_default());
        record["body_bytes"] = json!(body.to_bytes().len());
    }
    requests
        .lock()
        .expect("no panic while it is held")
        .push(record.clone());
    let mut response = Response::new(Full::from(record.to_string()));
    if request.uri().path() == CACHED {
        let cacheable = "public, max-age=60".parse().expect("a header value");
        response.headers_mut().insert(CACHE_CONTROL, cacheable);
    }
    if let Some(protocol) = upgrade {
        tokio::spawn(echo(request));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.body_mut() = Full::default();
        response.headers_mut().insert(UPGRADE, protocol);
        response
            .headers_mut()
            .insert(CONNECTION, "upgrade".parse().expect("a header value"));
    } else {
        let mut content_type = "application/json";
        if request.uri().path() == SERVICE_WORKER {
            content_type = "text/javascript";
            *response.body_mut() = Full::from(SERVICE_WORKER_SCRIPT);
        }
        let content_type = content_type.parse().expect("a header value");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(response)
}

fn pairs(headers: &HeaderMap) -> Vec<[String; 2]> {
    let pairs = headers.iter();
    let pairs = pairs.map(|(name, value)| [name.to_string(), text(value.as_bytes())]);
    pairs.collect()
}

async fn echo(request: Request<Incoming>) {
    if let Ok(upgraded) = hyper::upgrade::on(request).await {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        let _disconnected = tokio::io::copy(&mut read, &mut write).await;
    }
}
