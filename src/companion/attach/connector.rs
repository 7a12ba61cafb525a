//! The connector to a target: with a timeout, and to another address if there is one.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Authority;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

/// A connector with a timeout for the whole connection, including TLS.
#[derive(Clone, Debug)]
pub(super) struct TimedConnector {
    pub(super) connector: HttpsConnector<HttpConnector>,
    /// Where to connect, instead of the URL's host.
    pub(super) address: Option<Authority>,
    pub(super) timeout: Duration,
}

/// No connection in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectTimeout;

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
