//! What responds to the requests of a server.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;

use super::{ConnectionPermit, Peer};

/// Responds to the requests of a server.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    /// The body of its responses.
    type Body: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// How long a client may take to receive a response.
    const SEND_LIMIT: SendLimit;

    /// Responds to a request.
    fn respond(
        self,
        request: Request<Incoming>,
        client: ClientConnection,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// How long a client may take to receive a response, in the unit of [`Limits::request`].
///
/// [`Limits::request`]: crate::config::Limits::request
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SendLimit {
    /// The whole response must be received within the limit. For responses that are ready as a whole.
    Whole,
    /// Each part that is ready must be received within the limit. For responses that come from elsewhere and may
    /// take any time.
    Progress,
}

/// The connection of a client. It counts as open until the last clone is dropped, so a task that uses the connection
/// after an upgrade must hold one.
#[derive(Clone, Debug)]
pub(crate) struct ClientConnection {
    peer: Peer,
    _permit: Option<Arc<ConnectionPermit>>,
}

impl ClientConnection {
    pub(super) fn new(peer: Peer, permit: ConnectionPermit) -> Self {
        Self {
            peer,
            _permit: Some(Arc::new(permit)),
        }
    }

    /// A connection that is not counted.
    #[cfg(test)]
    pub(super) const fn uncounted(peer: Peer) -> Self {
        Self {
            peer,
            _permit: None,
        }
    }

    /// The client.
    pub(crate) const fn peer(&self) -> Peer {
        self.peer
    }
}

impl Handler for Router {
    type Body = Body;

    const SEND_LIMIT: SendLimit = SendLimit::Whole;

    async fn respond(
        self,
        mut request: Request<Incoming>,
        client: ClientConnection,
    ) -> Response<Body> {
        request.extensions_mut().insert(client.peer());
        let response: Result<_, Infallible> = TowerToHyperService::new(self).call(request).await;
        match response {
            Ok(response) => response,
        }
    }
}
