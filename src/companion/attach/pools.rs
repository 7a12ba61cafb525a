//! Pools of connections to a target.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connector::TimedConnector;
use super::request_body::RequestBody;
use crate::config::TargetUrl;
use crate::http_client::{self, ClientError, Connect};

/// Idle connections to keep in a pool. More are opened under load, and closed after it.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// How often an idle connection is checked, and how long the response may take.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How much of a response is received before the client takes it, in bytes: on a connection, and of it on a stream.
const CONNECTION_WINDOW: u32 = 1 << 20;
const STREAM_WINDOW: u32 = 256 << 10;

/// How many requests a pool has at once: as many streams as an HTTP/2 connection should have at least (RFC 9113
/// section 6.5.2), because a pool has one such connection, and a request that waited for a stream would be sent
/// later, perhaps when its token has expired.
const MAX_STREAMS: usize = 100;

/// Pools of connections.
pub(super) struct Pools {
    /// HTTP/2 if the target supports it, or else HTTP/1.1. A pool is added when the others have no free stream.
    any: Mutex<Vec<BoundedPool>>,
    new_pool: PoolBuilder,
    /// HTTP/1.1, which alone has upgrades.
    http1: Pool,
}

type Pool = Client<TimedConnector, RequestBody>;

/// A pool, and its free streams.
struct BoundedPool {
    pool: Pool,
    streams: Arc<Semaphore>,
}

/// The stream of a request, until its response has been received.
pub(super) type StreamPermit = OwnedSemaphorePermit;

/// Makes equal pools.
struct PoolBuilder {
    builder: Builder,
    connector: TimedConnector,
}

impl Pools {
    /// Sends a request.
    pub(super) fn send(
        &self,
        request: Request<RequestBody>,
        is_upgrade: bool,
    ) -> (ResponseFuture, Option<StreamPermit>) {
        if is_upgrade {
            return (self.http1.request(request), None);
        }
        // No code panics while it holds the lock.
        let mut pools = self.any.lock().unwrap_or_else(PoisonError::into_inner);
        let free = pools.iter().find_map(|pool| {
            let stream = Arc::clone(&pool.streams).try_acquire_owned().ok()?;
            Some((pool.pool.clone(), stream))
        });
        let (pool, stream) = match free {
            Some((pool, stream)) => (pool, Some(stream)),
            None => {
                let new = BoundedPool {
                    pool: self.new_pool.build(),
                    streams: Arc::new(Semaphore::new(MAX_STREAMS)),
                };
                let stream = Arc::clone(&new.streams).try_acquire_owned().ok();
                let pool = new.pool.clone();
                pools.push(new);
                (pool, stream)
            }
        };
        drop(pools);
        (pool.request(request), stream)
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").finish_non_exhaustive()
    }
}

impl PoolBuilder {
    fn build(&self) -> Pool {
        self.builder.build(self.connector.clone())
    }
}

/// How pools are made.
#[derive(Clone, Debug)]
pub(super) struct PoolSettings {
    /// Another address of the target.
    pub(super) connect: Option<Arc<(TargetUrl, Connect)>>,
    pub(super) is_https: bool,
    pub(super) header_bytes: usize,
    pub(super) idle: Duration,
    pub(super) request_timeout: Duration,
    pub(super) connect_timeout: Duration,
}

impl PoolSettings {
    /// The pools, with the CAs of a file or of the system.
    pub(super) fn pools(&self, ca_pem: Option<&[u8]>) -> Result<Pools, ClientError> {
        let mut tls = http_client::tls(ca_pem)?;
        // The connectors set it.
        tls.alpn_protocols = Vec::new();
        Ok(Pools {
            any: Mutex::default(),
            new_pool: self.pool_builder(tls.clone(), true)?,
            http1: self.pool_builder(tls, false)?.build(),
        })
    }

    fn pool_builder(
        &self,
        tls: ClientConfig,
        with_http2: bool,
    ) -> Result<PoolBuilder, ClientError> {
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
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .http1_max_buf_size(self.header_bytes)
            .http2_max_header_list_size(header_bytes)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_keep_alive_timeout(KEEPALIVE);
        Ok(PoolBuilder {
            builder,
            connector: TimedConnector {
                connector,
                address,
                timeout: self.connect_timeout,
            },
        })
    }
}
