//! The HTTP server: listeners, TLS, connections and their limits.

mod activity;
mod client_address;
mod connection;
pub(crate) mod descriptors;
mod handler;
mod held_body;
mod listener;
mod peer;
mod shutdown;
pub(crate) mod tls;
mod tracked_body;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::config::Limits;
use crate::watch::Watched;

pub(crate) use client_address::client_address;
pub(crate) use handler::{ClientConnection, Handler, SendLimit};
pub(crate) use held_body::until_sent;
pub(crate) use listener::Listener;
pub(crate) use peer::Peer;
pub(crate) use shutdown::{Shutdown, ShutdownSignal};

use connection::serve_connection;
use listener::Stream;

/// How long to wait after a failed `accept`, such as for lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A server on one socket.
#[derive(Debug)]
pub(crate) struct Server<H> {
    /// The listener.
    pub(crate) listener: Listener,
    /// The TLS configuration, if the server terminates TLS.
    pub(crate) tls: Option<Watched<ServerConfig>>,
    /// Responds to the requests.
    pub(crate) handler: H,
    /// Limits on clients.
    pub(crate) limits: Arc<Limits>,
    /// The gauge of open connections.
    pub(crate) connections: Gauge,
}

/// The permit of a connection.
#[derive(Debug)]
struct ConnectionPermit {
    _permit: OwnedSemaphorePermit,
    connections: Gauge,
}

impl<H: Handler> Server<H> {
    /// Serves until the shutdown, and then until no request is in flight or the limit has passed.
    pub(crate) async fn run(self, shutdown: ShutdownSignal) {
        let (max, timeout) = (self.limits.connections, self.limits.shutdown);
        let permits = Arc::new(Semaphore::new(max));
        self.accept(&permits, shutdown).await;
        // New connections are refused at once, so clients can use another replica.
        drop(self);
        let all = u32::try_from(max).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(timeout, permits.acquire_many(all)).await;
        if drained.is_err() {
            let connections = max.saturating_sub(permits.available_permits());
            warn!(connections, "requests in flight were aborted");
        }
    }

    /// Accepts connections while there are permits. The others wait in the kernel's queue, and idle
    /// connections are closed soon.
    async fn accept(&self, permits: &Arc<Semaphore>, mut shutdown: ShutdownSignal) {
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(permits).acquire_owned() => permit,
                () = shutdown.received() => return,
            };
            // The semaphore is never closed.
            let Ok(permit) = permit else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = shutdown.received() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let permit = ConnectionPermit::new(permit, self.connections.clone());
                    let client = ClientConnection::new(peer, permit);
                    let tls = self.tls.as_ref().map(Watched::load);
                    let handler = self.handler.clone();
                    let (limits, shutdown) = (Arc::clone(&self.limits), shutdown.clone());
                    tokio::spawn(serve(stream, client, tls, handler, limits, shutdown));
                }
                Err(error) => self.pause(&error).await,
            }
        }
    }

    /// Waits after an error of the machine, and not after one of the client.
    async fn pause(&self, error: &io::Error) {
        let gone = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        );
        if !gone {
            warn!(address = self.listener.address(), %error, "accept failed");
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
        }
    }
}

async fn serve<H: Handler>(
    stream: Stream,
    client: ClientConnection,
    tls: Option<Arc<ServerConfig>>,
    handler: H,
    limits: Arc<Limits>,
    shutdown: ShutdownSignal,
) {
    let peer = client.peer();
    match (stream, tls) {
        (Stream::Tcp(stream), Some(tls)) => {
            let handshake = TlsAcceptor::from(tls).accept(stream);
            match tokio::time::timeout(limits.handshake, handshake).await {
                Ok(Ok(stream)) => serve_connection(stream, client, handler, limits, shutdown).await,
                Ok(Err(error)) => debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => debug!(%peer, "TLS handshake timed out"),
            }
        }
        (Stream::Tcp(stream), None) => {
            serve_connection(stream, client, handler, limits, shutdown).await
        }
        // A unix socket has no TLS: its peers are on this machine.
        (Stream::Unix(stream), _) => {
            serve_connection(stream, client, handler, limits, shutdown).await
        }
    }
}

// === impl ConnectionPermit ===

impl ConnectionPermit {
    fn new(permit: OwnedSemaphorePermit, connections: Gauge) -> Self {
        connections.inc();
        Self {
            _permit: permit,
            connections,
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.dec();
    }
}
