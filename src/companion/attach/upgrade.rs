//! Upgrades to WebSocket, the only protocol that connections are upgraded to.
//!
//! With others, such as h2c, requests could follow on the connection that are not seen here.

use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::Request;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tracing::debug;

use crate::server::ClientConnection;

/// The connection of a client that wants to open a WebSocket.
pub(super) struct Upgrade(OnUpgrade);

impl Upgrade {
    /// Whether the request opens a WebSocket, which only HTTP/1.1 does like this. Any other upgrade is not forwarded,
    /// so that the target responds without it.
    pub(super) fn of(request: &mut Request<Incoming>) -> Option<Self> {
        let is_websocket = request.version() == Version::HTTP_11
            && lists(request.headers(), "upgrade")
            && request
                .headers()
                .get(UPGRADE)
                .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
        is_websocket.then(|| Self(hyper::upgrade::on(request)))
    }

    /// Adds the headers that ask the target for it.
    pub(super) fn ask(headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }

    /// Connects client and target after the target's 101, until either closes the connection. `client` stays open
    /// until then.
    pub(super) fn connect<B>(self, response: &mut Response<B>, client: ClientConnection)
    where
        B: Send + 'static,
    {
        let target = hyper::upgrade::on(&mut *response);
        Self::ask(response.headers_mut());
        tokio::spawn(async move {
            let _open = &client;
            let tunnel = async {
                let mut target = TokioIo::new(target.await.map_err(std::io::Error::other)?);
                let mut own = TokioIo::new(self.0.await.map_err(std::io::Error::other)?);
                copy_bidirectional(&mut own, &mut target).await
            };
            if let Err(error) = tunnel.await {
                debug!(%error, "WebSocket closed with an error");
            }
        });
    }
}

/// Whether the response is one to an upgrade.
pub(super) fn is_switching<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Whether `Connection` lists this option.
fn lists(headers: &HeaderMap, option: &str) -> bool {
    let options = headers.get_all(CONNECTION).iter();
    let mut options = options.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.any(|own| own.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
}
