//! The HTTP client for the provider's endpoints: verified https only, bounded in time and size, no
//! redirects, the configured proxy or none. Every response, the library's too, is strict JSON or an
//! error.

mod root_certificates;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE,
};
use openidconnect::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use portcullis_core::json::{Json, JsonError};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::error::ErrorCode;
use super::proxy::ProxySettings;
use super::secret::Secret;
use super::settings::ProviderSettings;
use crate::http_client::{USER_AGENT, certificate_help, root_cause};
use root_certificates::RootCertificates;

pub(crate) use root_certificates::CaError;

/// The longest response, in bytes.
pub(super) const MAX_BYTES: usize = 512 * 1024;

/// How long an idle connection is kept: less than the five seconds after which Node's servers close
/// it, because a request at that moment is lost, and a code can't be sent twice.
const IDLE: Duration = Duration::from_secs(4);

/// The HTTP client of one provider. Clones share its connections.
#[derive(Clone, Debug)]
pub(super) struct HttpClient {
    root_certificates: Arc<RootCertificates>,
    /// How long a request with its response may take.
    timeout: Duration,
    /// When all requests must have ended.
    deadline: Option<Instant>,
}

/// The kind of a document, which determines its media types.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum DocumentKind {
    /// JSON only.
    Json,
    /// JSON that some providers publish as a file of an unknown type.
    Published,
}

/// Why there is no usable response.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The body is compressed, though the request accepts no compression.
    #[error("the response is compressed, though the request has `Accept-Encoding: identity`")]
    Compressed,
    /// No connection, or TLS failed.
    #[error("no connection: {0}")]
    Connect(String),
    /// The content type is not JSON.
    #[error("the Content-Type is not JSON")]
    ContentType,
    /// The response was interrupted, or is not HTTP.
    #[error("response interrupted: {0}")]
    Interrupted(String),
    /// The body is not valid JSON.
    #[error("invalid JSON: {0}")]
    Json(#[from] JsonError),
    /// An unexpected status. Redirects are not followed.
    #[error("unexpected status {0}{note}", note = note_on_redirects(*.0))]
    Status(u16),
    /// The response was not complete in time.
    #[error("no complete response within the provider's `timeout`")]
    Timeout,
    /// The response is too long.
    #[error("the response is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The request is not valid HTTP.
    #[error("the values to send are not valid in an HTTP request")]
    InvalidRequest,
}

/// Why there is no usable response of the token endpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenFetchError {
    /// There is no usable response.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Status 200, an `error` and no tokens.
    #[error("status 200 with error `{0}` and no tokens")]
    NoTokens(ErrorCode),
}

impl FetchError {
    /// Whether the same request may succeed later: the provider is down, slow or overloaded.
    pub(crate) const fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Interrupted(_) | Self::Timeout => true,
            Self::Status(status) => *status >= 500 || matches!(*status, 408 | 429),
            Self::Compressed
            | Self::ContentType
            | Self::Json(_)
            | Self::TooLong
            | Self::InvalidRequest => false,
        }
    }
}

/// What to do about a redirect, for the end of a message.
const fn note_on_redirects(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed, so configure the URL that it leads to",
        _ => "",
    }
}

impl HttpClient {
    /// A client with the CA certificates, the proxy and the timeout of these settings.
    pub(super) fn new(settings: &ProviderSettings) -> Result<Self, CaError> {
        let (file, proxy) = (settings.ca_file.as_deref(), settings.proxy.as_ref());
        Ok(Self {
            root_certificates: Arc::new(RootCertificates::open(file, proxy)?),
            timeout: settings.timeout,
            deadline: None,
        })
    }

    /// The same client for requests that must all have ended within the timeout of one.
    pub(super) fn with_deadline(&self) -> Self {
        Self {
            deadline: Some(Instant::now() + self.timeout),
            ..self.clone()
        }
    }

    /// Waits, but not beyond the deadline.
    pub(super) async fn in_time<T>(&self, what: impl Future<Output = T>) -> Result<T, FetchError> {
        match self.deadline {
            None => Ok(what.await),
            Some(deadline) => timeout_at(deadline, what)
                .await
                .map_err(|_| FetchError::Timeout),
        }
    }

    /// Fetches metadata or a key set. Both are public documents, which some providers serve from a file
    /// store without the media type.
    pub(super) async fn get_document(&self, url: &Url) -> Result<Json, FetchError> {
        self.get(url, None, DocumentKind::Published).await
    }

    /// Fetches a JSON document with an access token.
    pub(super) async fn get_protected(
        &self,
        url: &Url,
        token: &Secret,
    ) -> Result<Json, FetchError> {
        self.get(url, Some(token), DocumentKind::Json).await
    }

    async fn get(
        &self,
        url: &Url,
        bearer: Option<&Secret>,
        kind: DocumentKind,
    ) -> Result<Json, FetchError> {
        let mut request = Request::get(url.as_str()).header(ACCEPT, kind.accept());
        if let Some(token) = bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| FetchError::InvalidRequest)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Vec::new())
            .map_err(|_| FetchError::InvalidRequest)?;
        let response = self.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        json(&response, kind)
    }

    /// The response to a GET without credentials, whatever its status.
    pub(super) async fn get_response(&self, url: &Url) -> Result<HttpResponse, FetchError> {
        let request = Request::get(url.as_str()).body(Vec::new());
        self.send(request.map_err(|_| FetchError::InvalidRequest)?)
            .await
    }

    /// Sends a request and reads the whole response, whatever its status.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let mut request =
            reqwest::Request::try_from(request).map_err(|_| FetchError::InvalidRequest)?;
        let timeout = match self.deadline {
            None => self.timeout,
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
        };
        if timeout.is_zero() {
            return Err(FetchError::Timeout);
        }
        *request.timeout_mut() = Some(timeout);
        let client = self.root_certificates.client();
        let mut response = client.execute(request).await.map_err(fetch_error)?;
        let encoding = response.headers().get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::Compressed);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fetch_error)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut complete = Response::new(body);
        *complete.status_mut() = response.status();
        *complete.headers_mut() = std::mem::take(response.headers_mut());
        Ok(complete)
    }
}

impl DocumentKind {
    /// The media types to accept. Some servers, such as Kubernetes API servers, serve key sets only as
    /// their own type (RFC 7517 section 8.5.2), and otherwise respond with 406.
    const fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Published => "application/json, application/jwk-set+json",
        }
    }
}

/// For the library's requests to the token endpoint, whose responses are 200, 400 or 401 in JSON
/// (RFC 6749 section 5). Some providers send an error response with another 4xx status, such as
/// Auth0 with 403. The library ignores the status of a response that it can't parse, and accepts
/// duplicate members, so both are checked first.
impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = TokenFetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, TokenFetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.send(request).await?;
            match response.status() {
                StatusCode::OK => {
                    if let Some(code) = error_without_tokens(&json(&response, DocumentKind::Json)?)
                    {
                        return Err(TokenFetchError::NoTokens(code));
                    }
                }
                // Otherwise a proxy in between has responded, not the token endpoint.
                status if !may_be_error_response(status, response.body()) => {
                    return Err(FetchError::Status(status.as_u16()).into());
                }
                _ => {}
            }
            Ok(response)
        })
    }
}

/// Builds a client with these TLS settings. Each request has its own timeout, which includes connecting.
fn build(
    tls: rustls::ClientConfig,
    proxy: Option<reqwest::Proxy>,
) -> Result<reqwest::Client, reqwest::Error> {
    // Some servers compress the response to a request that has no such field (RFC 9110 section 12.5.3).
    let identity = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
    // Without the proxies of the environment, of which the settings have the one to use.
    let builder = reqwest::Client::builder()
        .no_proxy()
        .user_agent(USER_AGENT)
        .default_headers(identity);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    builder
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_idle_timeout(IDLE)
        .build()
}

/// The code of an error response that has the status of a success. A response with tokens is one,
/// whatever `error` is.
fn error_without_tokens(response: &Json) -> Option<ErrorCode> {
    let is_set = |one: &&Json| !matches!(one, Json::Null) && one.as_str() != Some("");
    let member = |name| response.member(name).filter(is_set);
    let has_tokens = ["access_token", "id_token"]
        .into_iter()
        .any(|name| member(name).is_some());
    let error = member("error").filter(|_| !has_tokens)?;
    Some(ErrorCode::new(error.as_str().unwrap_or_default()))
}

/// Whether this may be an error response of the token endpoint: not a status that says to retry
/// later, and JSON whatever its content type is. Statuses besides those of the specification are
/// common, so with them the member `error` is required.
fn may_be_error_response(status: StatusCode, body: &[u8]) -> bool {
    let retry = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
    );
    if !status.is_client_error() || retry {
        return false;
    }
    let Ok(body) = Json::parse(body) else {
        return false;
    };
    let is_specified = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
    is_specified || body.member("error").and_then(Json::as_str).is_some()
}

/// The body of a response, which must be JSON by its content type too. Compression is not
/// requested, so a compressed body is invalid.
fn json(response: &HttpResponse, kind: DocumentKind) -> Result<Json, FetchError> {
    if !may_be_json(response.headers(), kind) {
        return Err(FetchError::ContentType);
    }
    Ok(Json::parse(response.body())?)
}

/// Whether a media type is JSON or based on it, such as `application/jwk-set+json`. Signed
/// responses (`application/jwt`) and pages are not. Types that say nothing are accepted for
/// published documents.
fn may_be_json(headers: &HeaderMap, kind: DocumentKind) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let value = value.as_bytes().split(|byte| *byte == b';').next();
    let essence = value.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let is_unknown = &*essence == b"text/plain" || essence.ends_with(b"/octet-stream");
    essence.ends_with(b"/json")
        || essence.ends_with(b"+json")
        || (is_unknown && kind == DocumentKind::Published)
}

/// Converts an error to its root cause, without the URL.
fn fetch_error(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    let connecting = error.is_connect();
    let cause = root_cause(&error.without_url());
    if connecting {
        let help = certificate_help(&cause);
        FetchError::Connect(cause + help)
    } else {
        FetchError::Interrupted(cause)
    }
}
