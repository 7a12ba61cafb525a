//! The way to the provider's servers: https alone, verified, bounded in time and size, no
//! redirects, no proxy from the environment. Whatever is answered is JSON read strictly, or an
//! error; this is the door that every answer comes through, the library's too.

mod authorities;

use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use openidconnect::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use portcullis_core::json::{Json, JsonError};
use url::Url;

use super::secret::Secret;
use authorities::Authorities;

pub(crate) use authorities::TrustError;

/// How long it may take to connect, and how long the whole of a request and its answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may be, in bytes.
pub(super) const MAX_BYTES: usize = 512 * 1024;

/// How long an idle connection is kept: less than the five seconds after which Node's servers hang
/// up, because a request that meets the hang-up is lost, and a code can't be sent twice.
const IDLE: Duration = Duration::from_secs(4);

/// What asks a provider's servers.
#[derive(Debug)]
pub(super) struct HttpClient {
    authorities: Authorities,
}

/// Why there is no answer that could be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum FetchError {
    /// No connection, or TLS failed.
    #[error("no connection: {0}")]
    Connect(String),
    /// The answer is not labelled as JSON.
    #[error("the answer's Content-Type is not JSON's")]
    ContentType,
    /// The answer broke off, or was no HTTP.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// The answer is no JSON that is accepted here.
    #[error("the answer is no acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// The answer has another status than it must have. Redirects are not followed.
    #[error("the answer's status is {0}")]
    Status(u16),
    /// There was no whole answer in time.
    #[error("no whole answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The answer is too long.
    #[error("the answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// What was to be sent can't be put into a request.
    #[error("what was to be sent can't stand in an HTTP request")]
    Unsendable,
}

impl FetchError {
    /// Whether the same request may well succeed later: the provider is down, slow or overloaded,
    /// rather than answering something wrong.
    pub(crate) const fn is_passing(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Broken(_) | Self::Timeout => true,
            Self::Status(status) => *status >= 500 || matches!(*status, 408 | 429),
            Self::ContentType | Self::Json(_) | Self::TooLong | Self::Unsendable => false,
        }
    }
}

impl HttpClient {
    /// A client that believes the authorities in `ca_file` and no others or, without it, the
    /// system's.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        Ok(Self {
            authorities: Authorities::open(ca_file)?,
        })
    }

    /// Reads a JSON document, with an access token where the place asks for one.
    pub(super) async fn get(&self, url: &Url, bearer: Option<&Secret>) -> Result<Json, FetchError> {
        let mut request = Request::get(url.as_str()).header(ACCEPT, "application/json");
        if let Some(token) = bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| FetchError::Unsendable)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Vec::new())
            .map_err(|_| FetchError::Unsendable)?;
        let answer = self.send(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        json(&answer)
    }

    /// Sends a request and reads the whole answer, whatever its status is.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let request = reqwest::Request::try_from(request).map_err(|_| FetchError::Unsendable)?;
        let client = self.authorities.client();
        let mut answer = client.execute(request).await.map_err(fault)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// For the library's requests to the token endpoint: RFC 6749 section 5 answers 200, 400 or 401, in
/// JSON. The library says nothing of the status of an answer that it can't read, and takes a member
/// that stands twice, so both are judged before it looks.
impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.send(request).await?;
            match answer.status() {
                StatusCode::OK => {
                    json(&answer)?;
                }
                // Something in between answered, not the token endpoint.
                status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => {
                    json(&answer).map_err(|_| FetchError::Status(status.as_u16()))?;
                }
                status => return Err(FetchError::Status(status.as_u16())),
            }
            Ok(answer)
        })
    }
}

/// What every client is built with.
fn build(tls: rustls::ClientConfig) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(TIMEOUT)
        .timeout(TIMEOUT)
        .pool_idle_timeout(IDLE)
        .build()
}

/// The body of an answer, which must be JSON and say so. Nothing compressed was asked for, so what
/// is compressed all the same is no JSON.
fn json(answer: &HttpResponse) -> Result<Json, FetchError> {
    if !is_json(answer.headers()) {
        return Err(FetchError::ContentType);
    }
    Ok(Json::parse(answer.body())?)
}

/// Whether a media type is JSON's own or built on it, such as `application/jwk-set+json`. Signed
/// answers (`application/jwt`) are not.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let value = value.as_bytes().split(|byte| *byte == b';').next();
    let essence = value.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence.ends_with(b"/json") || essence.ends_with(b"+json")
}

/// What went wrong on the way, in the words of whoever noticed first: a URL stands in none of them.
fn fault(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    let connecting = error.is_connect();
    let mut cause: &dyn Error = &error.without_url();
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if connecting {
        FetchError::Connect(cause.to_string())
    } else {
        FetchError::Broken(cause.to_string())
    }
}
