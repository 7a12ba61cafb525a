//! The server below the endpoints: sockets, TLS, connections and their limits.

mod activity;
mod connection;
mod listener;
mod peer;
mod stop;
pub(crate) mod tls;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::config::Limits;
use crate::watch::Watched;

pub(crate) use listener::Listener;
pub(crate) use peer::Peer;
pub(crate) use stop::{Stop, Stopper};

use connection::converse;
use listener::Stream;

/// How long to wait where the machine can give no connection, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A server on one socket.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where connections come in.
    pub(crate) listener: Listener,
    /// The certificate, where TLS is spoken.
    pub(crate) tls: Option<Watched<ServerConfig>>,
    /// What answers.
    pub(crate) router: Router,
    /// What a client may take.
    pub(crate) limits: Arc<Limits>,
    /// How many connections there are.
    pub(crate) connections: Gauge,
}

/// A connection's place among those that there may be.
struct Place {
    _permit: OwnedSemaphorePermit,
    connections: Gauge,
}

impl Server {
    /// Serves until told to stop, and then until no request is left or the limit is over.
    pub(crate) async fn run(self, stop: Stop) {
        let (most, within) = (self.limits.connections, self.limits.shutdown);
        let places = Arc::new(Semaphore::new(most));
        self.accept(&places, stop).await;
        // Who comes now is refused at once and can turn to another replica.
        drop(self);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        let emptied = tokio::time::timeout(within, places.acquire_many(all)).await;
        if emptied.is_err() {
            let connections = most.saturating_sub(places.available_permits());
            warn!(connections, "requests were cut off");
        }
    }

    /// Takes connections while there are places. Those for whom there is none wait in the kernel's
    /// queue, and what only sits on a place loses it soon.
    async fn accept(&self, places: &Arc<Semaphore>, mut stop: Stop) {
        loop {
            let place = tokio::select! {
                place = Arc::clone(places).acquire_owned() => place,
                () = stop.told() => return,
            };
            // The semaphore is never closed.
            let Ok(permit) = place else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.told() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let place = Place::take(permit, self.connections.clone());
                    let tls = self.tls.as_ref().map(Watched::load);
                    let router = self.router.clone();
                    let (limits, stop) = (Arc::clone(&self.limits), stop.clone());
                    tokio::spawn(async move {
                        let _place = place;
                        serve(stream, peer, tls, router, limits, stop).await;
                    });
                }
                Err(error) => self.pause(&error).await,
            }
        }
    }

    /// A client that is gone already is no reason to wait, a machine that is out of something is.
    async fn pause(&self, error: &io::Error) {
        let gone = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        );
        if !gone {
            warn!(place = self.listener.place(), %error, "cannot take a connection");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn serve(
    stream: Stream,
    peer: Peer,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    limits: Arc<Limits>,
    stop: Stop,
) {
    match (stream, tls) {
        (Stream::Tcp(stream), Some(tls)) => {
            let handshake = TlsAcceptor::from(tls).accept(stream);
            match tokio::time::timeout(limits.handshake, handshake).await {
                Ok(Ok(stream)) => converse(stream, peer, router, limits, stop).await,
                Ok(Err(error)) => debug!(%peer, %error, "no TLS"),
                Err(_) => debug!(%peer, "TLS took too long"),
            }
        }
        (Stream::Tcp(stream), None) => converse(stream, peer, router, limits, stop).await,
        // Who may use a unix socket is on this machine.
        (Stream::Unix(stream), _) => converse(stream, peer, router, limits, stop).await,
    }
}

// === impl Place ===

impl Place {
    fn take(permit: OwnedSemaphorePermit, connections: Gauge) -> Self {
        connections.inc();
        Self {
            _permit: permit,
            connections,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.dec();
    }
}
