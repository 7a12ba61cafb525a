//! The middleware for all requests: request ID, limits, log line, and the headers of every response.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::request::{Client, Headers};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::{Instrument as _, debug, info, info_span, warn};
use url::form_urlencoded;

use super::problem::{Problem, sign_in_path};
use super::request_id::{RequestId, X_REQUEST_ID, proxy_request_id};
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::server::{Peer, until_sent};

#[cfg(test)]
mod tests;

/// The maximum length of a logged path, in characters.
const MAX_PATH_CHARS: usize = 256;

/// The headers of every response, unless its handler sets them.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// The header of every page: a page of another site that opens it as a window gets no handle to it.
const OPENER_POLICY: (HeaderName, HeaderValue) = (
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderValue::from_static("same-origin"),
);

/// What is logged of a request: no query, no cookie and no unvalidated header.
struct RequestInfo {
    method: Method,
    path: String,
    endpoint: Option<MatchedPath>,
    peer: Option<Peer>,
    proxy_id: Option<String>,
}

/// The state of the middleware.
#[derive(Debug)]
struct MiddlewareState {
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    /// One permit for each concurrent request, until its response has been sent. An HTTP/2 connection has many.
    permits: Arc<Semaphore>,
    /// Whether users can sign in here.
    has_sign_in: bool,
}

/// Wraps all routes and the fallback. `has_sign_in`: whether users can sign in on this listener.
pub(super) fn wrap(
    routes: Router,
    limits: &Arc<Limits>,
    metrics: &Arc<Metrics>,
    has_sign_in: bool,
) -> Router {
    let state = Arc::new(MiddlewareState {
        limits: Arc::clone(limits),
        metrics: Arc::clone(metrics),
        permits: Arc::new(Semaphore::new(limits.connections)),
        has_sign_in,
    });
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(RequestBodyLimitLayer::new(limits.body_bytes))
        .layer(from_fn_with_state(state, handle))
}

/// Runs the handler of a request, and completes its response.
async fn handle(
    State(state): State<Arc<MiddlewareState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::fresh();
    let info = RequestInfo::of(&request);
    let client = client(request.headers());
    let sign_in = state.has_sign_in.then(|| request.uri().clone());
    request.extensions_mut().insert(id.clone());
    let span = info_span!("request", id = id.as_str());
    let permit = Arc::clone(&state.permits).try_acquire_owned().ok();
    let response = match permit {
        Some(_) => within(&state.limits, request, next).instrument(span).await,
        None => {
            Problem::unavailable("There are too many requests right now. Try again in a moment.")
                .into_response()
        }
    };
    let response = complete(response, &info.method, client, sign_in.as_ref(), &id);
    let duration = started.elapsed();
    let status = response.status();
    state
        .metrics
        .request_completed(info.endpoint(), status, duration);
    info.log(&id, status, duration);
    until_sent(response, permit)
}

/// The response where a handler panicked. The panic itself is logged by the hook.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}

async fn within(limits: &Limits, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limits.request, next.run(request)).await {
        // The body limit and the extractors of axum have no page.
        Ok(response)
            if response.status() == StatusCode::PAYLOAD_TOO_LARGE
                && response.extensions().get::<Problem>().is_none() =>
        {
            Problem::too_large().into_response()
        }
        Ok(response) => response,
        Err(_) => {
            warn!("request timed out (`limits.request`)");
            Problem::timed_out().into_response()
        }
    }
}

/// Renders the problem, if there is one, and adds the headers of every response. `uri` is that of the
/// request, if users can sign in here.
fn complete(
    mut response: Response,
    method: &Method,
    client: Client,
    uri: Option<&Uri>,
    id: &RequestId,
) -> Response {
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(uri) = uri {
            problem = problem.offer_sign_in(|| sign_in_again(uri));
        }
        response = problem.render(client, id, response);
        if method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    let content_type = headers.get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html")) {
        let (name, value) = OPENER_POLICY;
        headers.insert(name, value);
    }
    if let Some(value) = id.header() {
        headers.insert(X_REQUEST_ID, value);
    }
    response
}

/// Where a user signs in after a request that failed. `rd` is that of the request, not checked yet.
fn sign_in_again(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let rd = pairs.find(|(name, _)| name == "rd");
    sign_in_path(rd.as_ref().map(|(_, rd)| &**rd))
}

/// The kind of client, by core's rule.
fn client(headers: &HeaderMap) -> Client {
    let names = [ACCEPT, HeaderName::from_static("sec-fetch-mode")];
    let fields = names.iter().flat_map(|name| {
        let values = headers.get_all(name).iter();
        values.map(|value| (name.as_str().as_bytes(), value.as_bytes()))
    });
    Headers::new(fields.collect()).client()
}

// === impl RequestInfo ===

impl RequestInfo {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().chars().take(MAX_PATH_CHARS).collect(),
            endpoint: request.extensions().get().cloned(),
            peer: request.extensions().get().copied(),
            proxy_id: proxy_request_id(request.headers()).map(str::to_owned),
        }
    }

    /// The route, for metric labels.
    fn endpoint(&self) -> &str {
        self.endpoint
            .as_ref()
            .map_or("unknown", MatchedPath::as_str)
    }

    fn log(&self, id: &RequestId, status: StatusCode, duration: Duration) {
        let peer = self.peer.map(|peer| peer.to_string());
        // The macros need the level as a name.
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    id = id.as_str(),
                    method = self.method.as_str(),
                    path = self.path.as_str(),
                    status = status.as_u16(),
                    micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
                    peer = peer.as_deref(),
                    proxy_id = self.proxy_id.as_deref(),
                    "request completed"
                )
            };
        }
        let probe = matches!(self.endpoint(), "/ping" | "/ready" | "/metrics");
        if status.is_server_error() && !probe {
            line!(warn);
        } else if probe {
            line!(debug);
        } else {
            line!(info);
        }
    }
}
