//! One connection: HTTP/1 or HTTP/2, within limits.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Version;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tracing::debug;

use crate::config::Limits;

use super::Stop;
use super::activity::{Activity, Noticed, Patience};
use super::peer::Peer;

/// How long a connection that has been told to end may take to do so, where no request is left.
const FAREWELL: Duration = Duration::from_secs(2);

/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// Speaks HTTP on a stream until either side ends it.
pub(super) async fn converse<S>(
    stream: S,
    peer: Peer,
    router: Router,
    limits: Arc<Limits>,
    mut stop: Stop,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = Activity::new(Patience {
        header: limits.header,
        idle: limits.idle,
    });
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        let answering = activity.answer(request.version() == Version::HTTP_2);
        request.extensions_mut().insert(peer);
        let answer = router.call(request);
        async move {
            let answer: Result<Response<Body>, Infallible> = answer.await;
            drop(answering);
            answer
        }
    });
    let stream = Noticed {
        stream,
        activity: Arc::clone(&activity),
    };
    let builder = builder(&limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ending = false;
    loop {
        // While it answers, the request's own limit holds.
        let deadline = activity.deadline();
        let wait = deadline.unwrap_or_else(|| Instant::now() + limits.request);
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!(%peer, error, "a connection ended");
                }
                return;
            }
            () = tokio::time::sleep_until(wait), if deadline.is_some() => {
                // A request may have come in the same moment.
                if activity.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                    break;
                }
            }
            () = activity.changed() => {}
            () = stop.told(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    // It waited too long. Where an answer is stuck on its way, nobody waits for that either.
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(FAREWELL, connection).await;
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Ours tells a client that sends slowly from one that has nothing to ask.
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    builder
}
