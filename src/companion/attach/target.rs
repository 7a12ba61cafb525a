//! The connections to a target.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Authority;
use hyper::Request;
use hyper_rustls::{
    FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream,
};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::request_body::RequestBody;
use crate::config::{AttachConfig, Forward, TargetUrl};
use crate::document::Report;
use crate::http_client::{self, ClientError, Connect};
use crate::watch::{Watched, Watcher};

/// Idle connections to keep. More are opened under load, and closed after it.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// How often an idle connection is checked, and how long the response may take.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How much of a response is received before the client takes it, in bytes: on a connection, and of it on a stream.
const CONNECTION_WINDOW: u32 = 1 << 20;
const STREAM_WINDOW: u32 = 256 << 10;

/// Where requests are forwarded to. A token is only ever sent over these connections.
#[derive(Debug)]
pub(crate) struct Target {
    url: TargetUrl,
    clients: Clients,
}

/// The clients, which are made again when the CA file changes.
#[derive(Debug)]
enum Clients {
    Fixed(Arc<Pools>),
    OfCaFile(Watched<Pools>),
}

/// Pools of connections.
#[derive(Debug)]
struct Pools {
    /// HTTP/2 if the target supports it, or else HTTP/1.1.
    any: Pool,
    /// HTTP/1.1, which alone has upgrades.
    http1: Pool,
}

type Pool = Client<TimedConnector, RequestBody>;

/// A connector with a timeout for the whole connection, including TLS.
#[derive(Clone, Debug)]
struct TimedConnector {
    connector: HttpsConnector<HttpConnector>,
    /// Where to connect, instead of the URL's host.
    address: Option<Authority>,
    timeout: Duration,
}

/// No connection in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectTimeout;

impl Target {
    /// The target of a forward. Its CA file must be valid; changes of it are followed.
    pub(crate) fn open(
        forward: &Forward,
        config: &AttachConfig,
        watcher: &mut Watcher,
    ) -> Result<Self, Report> {
        let connect = forward.connect.as_ref();
        let connect = connect.map(|connect| Arc::new((forward.target.clone(), connect.clone())));
        let settings = PoolSettings {
            connect,
            is_https: forward.target.is_https(),
            header_bytes: config.limits.header_bytes,
            idle: config.limits.idle,
            request_timeout: config.limits.request,
            connect_timeout: config.connect_timeout,
        };
        let clients = match &forward.ca_file {
            Some(file) => {
                let name = file.clone();
                let watched = watcher.watch("ca_file", vec![file.clone()], move |contents| {
                    let ca = contents.first().map(Vec::as_slice);
                    settings.pools(ca).map_err(|error| report(&name, &error))
                });
                Clients::OfCaFile(watched?)
            }
            None => {
                let pools = settings.pools(None);
                let pools = pools.map_err(|error| report(Path::new("attach"), &error))?;
                Clients::Fixed(Arc::new(pools))
            }
        };
        Ok(Self {
            url: forward.target.clone(),
            clients,
        })
    }

    /// The URL of a client's request at the target; `None` if it is not a path.
    pub(super) fn uri(&self, request: &Uri) -> Option<Uri> {
        self.url.uri(request)
    }

    /// Sends a request, whose URL is one of [`Self::uri`].
    pub(super) fn send(&self, request: Request<RequestBody>, is_upgrade: bool) -> ResponseFuture {
        let pools = match &self.clients {
            Clients::Fixed(pools) => Arc::clone(pools),
            Clients::OfCaFile(watched) => watched.load(),
        };
        let pool = if is_upgrade { &pools.http1 } else { &pools.any };
        pool.request(request)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

fn report(name: &Path, error: &ClientError) -> Report {
    let help = match error {
        ClientError::NoCertificate | ClientError::Certificate(_) => {
            "write the certificates of the CAs to trust, as PEM"
        }
        ClientError::ServerName => "write another host in `to` or `connect`",
        ClientError::NoSystemCas | ClientError::Tls(_) | ClientError::Http(_) => {
            "set `--ca-file`, in a file `ca_file`"
        }
    };
    Report::of(&name.display().to_string(), &error.to_string(), help)
}

/// How pools are made.
#[derive(Clone, Debug)]
struct PoolSettings {
    /// Another address of the target.
    connect: Option<Arc<(TargetUrl, Connect)>>,
    is_https: bool,
    header_bytes: usize,
    idle: Duration,
    request_timeout: Duration,
    connect_timeout: Duration,
}

impl PoolSettings {
    fn pools(&self, ca_pem: Option<&[u8]>) -> Result<Pools, ClientError> {
        let mut tls = http_client::tls(ca_pem)?;
        // The connectors set it.
        tls.alpn_protocols = Vec::new();
        Ok(Pools {
            any: self.pool(tls.clone(), true)?,
            http1: self.pool(tls, false)?,
        })
    }

    fn pool(&self, tls: ClientConfig, with_http2: bool) -> Result<Pool, ClientError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(3));
        // A target that is gone, and one that does not read.
        tcp.set_tcp_user_timeout(Some(self.request_timeout));
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = if self.is_https {
            builder.https_only()
        } else {
            builder.https_or_http()
        };
        // A certificate for the other address would not be the target's.
        let builder = match self.connect.as_deref() {
            Some((url, _)) => {
                let name = url.server_name().ok_or(ClientError::ServerName)?;
                builder.with_server_name_resolver(FixedServerNameResolver::new(name))
            }
            None => builder,
        };
        let connector = if with_http2 {
            builder.enable_http1().enable_http2().wrap_connector(tcp)
        } else {
            builder.enable_http1().wrap_connector(tcp)
        };
        let header_bytes = u32::try_from(self.header_bytes).unwrap_or(u32::MAX);
        let address = match self.connect.as_deref() {
            Some((_, connect)) => Some(connect.authority().ok_or(ClientError::ServerName)?),
            None => None,
        };
        Ok(Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .http1_max_buf_size(self.header_bytes)
            .http2_max_header_list_size(header_bytes)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_keep_alive_timeout(KEEPALIVE)
            .build(TimedConnector {
                connector,
                address,
                timeout: self.connect_timeout,
            }))
    }
}

// === impl TimedConnector ===

type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for TimedConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let uri = match &self.address {
            Some(address) => at(uri, address.clone()),
            None => uri,
        };
        let connection = self.connector.call(uri);
        let connection = tokio::time::timeout(self.timeout, connection);
        Box::pin(async move {
            connection
                .await
                .unwrap_or_else(|_| Err(ConnectTimeout.into()))
        })
    }
}

/// A URL with another host and port.
fn at(uri: Uri, address: Authority) -> Uri {
    let mut parts = uri.into_parts();
    parts.authority = Some(address);
    // The scheme and the path remain, so it is valid.
    Uri::from_parts(parts).unwrap_or_default()
}

// === impl ConnectTimeout ===

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection in time")
    }
}

impl Error for ConnectTimeout {}
