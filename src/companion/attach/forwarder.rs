//! The way of a request: to the target, with the token, and its response back.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::TRANSFER_ENCODING;
use axum::http::{HeaderName, HeaderValue, Method, Response, Uri, Version};
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::ResponseFuture;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::browsers;
use super::headers::{prepare_request, prepare_response};
use super::metrics::{AttachMetrics, ForwardLabels, Outcome, TargetMetrics};
use super::refusal::Refusal;
use super::request_body::{RequestBody, Sending, Upload, WaitsFor};
use super::response_body::{Permits, ResponseBody};
use super::target::Target;
use super::token_file::{TokenFile, Unusable};
use super::upgrade::{Upgrade, is_switching};
use crate::clock;
use crate::config::{Forward, Limits};
use crate::server::{ClientConnection, Handler, SendLimit};

/// Forwards the requests of one listener to one target.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder(Arc<State>);

#[derive(Debug)]
struct State {
    target: Target,
    /// The target in logs.
    name: String,
    token: TokenFile,
    kept_headers: Vec<HeaderName>,
    refuses_foreign_pages: bool,
    /// One permit for each concurrent request, until its response has been sent. An HTTP/2 connection has many.
    permits: Arc<Semaphore>,
    timeout: Duration,
    metrics: TargetMetrics,
}

/// When the token of a request expires.
#[derive(Clone, Copy)]
struct Expiry {
    time: Timestamp,
    at: Instant,
}

/// What is logged of a request: no query and no header.
struct Line {
    method: Method,
    uri: Uri,
}

/// The maximum length of a logged method or path, in characters.
const MAX_LOGGED_CHARS: usize = 256;

impl Forwarder {
    /// The forwarder of this forward.
    pub(crate) fn new(
        forward: &Forward,
        target: Target,
        token: TokenFile,
        limits: &Limits,
        metrics: &AttachMetrics,
    ) -> Self {
        let name = target.to_string();
        Self(Arc::new(State {
            metrics: metrics.of_forward(&ForwardLabels::new(&forward.listen, &target)),
            target,
            name,
            token,
            kept_headers: forward.kept_headers.clone(),
            refuses_foreign_pages: forward.refuses_foreign_pages,
            permits: Arc::new(Semaphore::new(limits.connections)),
            timeout: limits.request,
        }))
    }
}

impl Handler for Forwarder {
    type Body = ResponseBody;

    const SEND_LIMIT: SendLimit = SendLimit::Progress;

    async fn respond(
        self,
        request: Request<Incoming>,
        client: ClientConnection,
    ) -> Response<ResponseBody> {
        let Self(state) = self;
        let began = Instant::now();
        let line = Line::of(&request);
        let peer = client.peer();
        let result = state.forward(request, client).await;
        let took = began.elapsed();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (method, path, target) = (line.method(), line.path(), &*state.name);
        match result {
            Ok(response) => {
                state.metrics.completed(Outcome::Forwarded, took);
                let status = response.status().as_u16();
                debug!(target_url = target, method, path, status, micros, %peer, "request forwarded");
                response
            }
            Err(refusal) => {
                state.metrics.completed(refusal.outcome, took);
                let Refusal {
                    status,
                    reason,
                    message,
                    ..
                } = &refusal;
                let status = status.as_u16();
                warn!(
                    target_url = target,
                    method,
                    path,
                    status,
                    reason,
                    error = message.as_str(),
                    micros,
                    %peer,
                    "request not forwarded"
                );
                refusal.response(line.method != Method::HEAD)
            }
        }
    }
}

impl State {
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        client: ClientConnection,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::too_many())?;
        let is = |name: &str| request.method().as_str().eq_ignore_ascii_case(name);
        if is("CONNECT") || is("TRACE") {
            return Err(Refusal::method());
        }
        if self.refuses_foreign_pages {
            let checked = browsers::check(request.method(), request.uri(), request.headers());
            checked.map_err(Refusal::foreign)?;
        }
        let uri = self.target.uri(request.uri()).ok_or_else(Refusal::path)?;
        let now = clock::now();
        let token = self.token.authorization(now);
        let (authorization, expires_at) = token.map_err(|why| Refusal::token(&why))?;
        let expiry = expires_at.and_then(|time| {
            let at = Instant::now().checked_add(time.since(now))?;
            Some(Expiry { time, at })
        });
        let upgrade = Upgrade::of(&mut request);

        let (mut parts, body) = request.into_parts();
        parts.uri = uri;
        // The client library chooses what the connection supports.
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        prepare_request(&mut parts.headers, &self.kept_headers, authorization);
        if upgrade.is_some() {
            Upgrade::ask(&mut parts.headers);
        }
        // Without this header, the client library sends no body of unknown length with a GET.
        if !body.is_end_stream() && body.size_hint().exact().is_none() {
            let chunked = HeaderValue::from_static("chunked");
            parts.headers.insert(TRANSFER_ENCODING, chunked);
        }
        let (body, sending) = RequestBody::new(body);
        let request = Request::from_parts(parts, body);
        let (response, stream) = self.target.send(request, upgrade.is_some());
        let response = within(self.timeout, response, &sending, expiry).await?;
        let permits = Permits {
            _request: permit,
            _stream: stream,
        };
        answer(response, upgrade, client, permits)
    }
}

/// The response to the client.
fn answer(
    mut response: Response<Incoming>,
    upgrade: Option<Upgrade>,
    client: ClientConnection,
    permits: Permits,
) -> Result<Response<ResponseBody>, Refusal> {
    prepare_response(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    if is_switching(&response) {
        let upgrade = upgrade.ok_or_else(Refusal::unexpected_upgrade)?;
        upgrade.connect(&mut response, client);
    }
    Ok(response.map(|body| ResponseBody::forwarded(body, permits)))
}

/// Waits for the response's header. The time begins again with each part of the request's body. A request that no
/// connection has begun to send when its token expires is not sent.
async fn within(
    timeout: Duration,
    mut response: ResponseFuture,
    sending: &Sending,
    mut expiry: Option<Expiry>,
) -> Result<Response<Incoming>, Refusal> {
    let mut deadline = Instant::now() + timeout;
    loop {
        let wake = expiry.map_or(deadline, |expiry| expiry.at.min(deadline));
        tokio::select! {
            biased;
            response = &mut response => {
                return response.map_err(|error| Refusal::target(&error));
            }
            () = sleep_until(wake) => {}
        }
        if let Some(Expiry { time, .. }) = expiry.take_if(|expiry| expiry.at <= wake)
            && !sending.has_begun()
        {
            return Err(Refusal::token(&Unusable::Expired(time)));
        }
        if wake < deadline {
            continue;
        }
        let Some(progress) = sending.upload.as_ref().map(Upload::progress) else {
            return Err(Refusal::target_timeout());
        };
        deadline = progress.at + timeout;
        if deadline <= Instant::now() {
            return Err(match progress.waits_for {
                WaitsFor::Client => Refusal::client_timeout(),
                WaitsFor::Target => Refusal::target_timeout(),
            });
        }
    }
}

// === impl Line ===

impl Line {
    fn of(request: &Request<Incoming>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    fn method(&self) -> &str {
        shortened(self.method.as_str())
    }

    /// The path. The query could have a secret.
    fn path(&self) -> &str {
        shortened(self.uri.path())
    }
}

/// At most [`MAX_LOGGED_CHARS`] of a text of the client.
fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_LOGGED_CHARS);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
