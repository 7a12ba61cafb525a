//! One connection: HTTP/1 or HTTP/2, with timeouts.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tracing::debug;

use crate::config::Limits;

use super::ShutdownSignal;
use super::activity::{Activity, ObservedStream, Timeouts};
use super::handler::{ClientConnection, Handler};
use super::tracked_body::TrackedBody;

/// How long a connection without requests may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Concurrent requests on one HTTP/2 connection. Each of them may hold a response.
const MAX_CONCURRENT_STREAMS: u32 = 32;

/// The maximum number of fields in the header of an HTTP/1 request. `limits.header_bytes` is usually reached first, as
/// in HTTP/2, which has that limit alone. Proxies forward a client's fields to forward auth, and few of them limit
/// their number.
const MAX_HEADER_FIELDS: usize = 1024;

/// Serves HTTP on a stream until either side closes it, or an upgrade takes it over.
pub(super) async fn serve_connection<S, H>(
    stream: S,
    client: ClientConnection,
    handler: H,
    limits: Arc<Limits>,
    mut shutdown: ShutdownSignal,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Handler,
{
    let peer = client.peer();
    let activity = Activity::new(Timeouts {
        header: limits.header,
        idle: limits.idle,
        response: limits.request,
    });
    let service = service_fn(|request: Request<Incoming>| {
        let in_flight = activity.request_started(request.version() == Version::HTTP_2);
        let response = handler.clone().respond(request, client.clone());
        async move {
            let response = response.await;
            let track = |body| TrackedBody::new(body, in_flight, H::SEND_LIMIT);
            Ok::<_, Infallible>(response.map(track))
        }
    });
    let stream = ObservedStream {
        stream,
        activity: Arc::clone(&activity),
    };
    let builder = builder(&limits);
    let mut connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let mut closing = false;
    loop {
        // While a request is evaluated, its own limit applies.
        let deadline = activity.deadline();
        let wait = deadline.unwrap_or_else(|| Instant::now() + limits.request);
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!(%peer, error, "connection closed with an error");
                }
                return;
            }
            () = tokio::time::sleep_until(wait), if deadline.is_some() => {
                // A request may have arrived in the meantime.
                if activity.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                    break;
                }
            }
            () = activity.changed() => {}
            () = shutdown.received(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    // The timeout has passed. A response that the client does not read is dropped too.
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection).await;
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Our own timeout distinguishes a slow client from an idle one.
        .header_read_timeout(None)
        .max_headers(MAX_HEADER_FIELDS)
        .max_buf_size(limits.header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    builder
}
