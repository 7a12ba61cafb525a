//! What goes around every request: its number, its limits, its line in the log, and the headers
//! that every answer has.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http_body_util::Limited;
use portcullis_core::request::{Client, Headers};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument as _, debug, info, info_span, warn};

use super::answer::Problem;
use super::request_id::{RequestId, X_REQUEST_ID, theirs};
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::server::Peer;

#[cfg(test)]
mod tests;

/// How much of a path is logged, in bytes.
const MAX_PATH: usize = 256;

/// What every answer has, unless its handler says something else.
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

/// What is logged of a request. Never a query, a cookie or a header that a client chose.
struct Asked {
    method: Method,
    path: String,
    endpoint: Option<MatchedPath>,
    peer: Option<Peer>,
    theirs: Option<String>,
}

/// What the envelope itself needs.
#[derive(Debug)]
struct Needs {
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    /// A place for each request at a time. Over HTTP/2 one connection has many.
    places: Semaphore,
}

/// Puts the envelope around all routes and what answers where there is none.
pub(super) fn around(routes: Router, limits: &Arc<Limits>, metrics: &Arc<Metrics>) -> Router {
    let needs = Arc::new(Needs {
        limits: Arc::clone(limits),
        metrics: Arc::clone(metrics),
        places: Semaphore::new(limits.connections),
    });
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(needs, envelope))
}

/// Has a request answered by what is inside, and its answer completed.
async fn envelope(State(needs): State<Arc<Needs>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::fresh();
    let asked = Asked::of(&request);
    let client = client(request.method(), request.headers());
    request.extensions_mut().insert(id.clone());
    let span = info_span!("request", id = id.as_str());
    let answer = match needs.places.try_acquire() {
        Ok(_place) => within(&needs.limits, request, next).instrument(span).await,
        Err(_) => Problem::unavailable("Too many ask at this moment.").into_response(),
    };
    let answer = complete(answer, &asked.method, client, &id);
    let took = began.elapsed();
    let status = answer.status();
    needs.metrics.answered(asked.endpoint(), status, took);
    asked.log(&id, status, took);
    answer
}

/// What is answered where a handler panicked. The panic itself is logged where it happened.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}

async fn within(limits: &Limits, request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limits.body_bytes) {
        let (status, title) = (StatusCode::PAYLOAD_TOO_LARGE, "This is too much");
        let text = "The request is longer than anything that is meant for here.";
        return Problem::new(status, "invalid_request", title, text).into_response();
    }
    let request = request.map(|body| Body::new(Limited::new(body, limits.body_bytes)));
    match tokio::time::timeout(limits.request, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => {
            warn!("took longer than limits.request");
            Problem::unavailable("This took too long. Please try again.").into_response()
        }
    }
}

/// Writes the problem, if there is one, and the headers that every answer has.
fn complete(mut answer: Response, method: &Method, client: Client, id: &RequestId) -> Response {
    if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
        answer = problem.write(client, id, answer);
        if method == Method::HEAD {
            *answer.body_mut() = Body::empty();
        }
    }
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Some(value) = id.header() {
        headers.insert(X_REQUEST_ID, value);
    }
    answer
}

/// Who asks, by core's own rule.
fn client(method: &Method, headers: &HeaderMap) -> Client {
    let names = [ACCEPT, HeaderName::from_static("sec-fetch-mode")];
    let fields = names.iter().flat_map(|name| {
        let values = headers.get_all(name).iter();
        values.map(|value| (name.as_str().as_bytes(), value.as_bytes()))
    });
    // A page that a person asks for without a body, or sends a form of, is for them to read.
    let method = match *method {
        Method::POST => "GET",
        _ => method.as_str(),
    };
    let method = (&b":method"[..], method.as_bytes());
    Headers::new([method].into_iter().chain(fields).collect()).client()
}

// === impl Asked ===

impl Asked {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().chars().take(MAX_PATH).collect(),
            endpoint: request.extensions().get().cloned(),
            peer: request.extensions().get().copied(),
            theirs: theirs(request.headers()).map(str::to_owned),
        }
    }

    /// Its route, of which there are few.
    fn endpoint(&self) -> &str {
        self.endpoint
            .as_ref()
            .map_or("unknown", MatchedPath::as_str)
    }

    fn log(&self, id: &RequestId, status: StatusCode, took: Duration) {
        let peer = self.peer.map(|peer| peer.to_string());
        // The macros want the level written out.
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    id = id.as_str(),
                    method = self.method.as_str(),
                    path = self.path.as_str(),
                    status = status.as_u16(),
                    micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    peer = peer.as_deref(),
                    proxy_id = self.theirs.as_deref(),
                    "answered"
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
