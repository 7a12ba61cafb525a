//! The HTTP client for the provider's endpoints: verified https only, bounded in time and size, no
//! redirects, no proxy from the environment. Every response, the library's too, is strict JSON or
//! an error.

mod root_certificates;

use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use openidconnect::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use portcullis_core::json::{Json, JsonError};
use url::Url;

use super::error::ErrorCode;
use super::secret::Secret;
use root_certificates::RootCertificates;

pub(crate) use root_certificates::CaError;

/// How long connecting may take, and how long a whole request with its response.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest response, in bytes.
pub(super) const MAX_BYTES: usize = 512 * 1024;

/// How long an idle connection is kept: less than the five seconds after which Node's servers close
/// it, because a request at that moment is lost, and a code can't be sent twice.
const IDLE: Duration = Duration::from_secs(4);

/// The HTTP client of one provider.
#[derive(Debug)]
pub(super) struct HttpClient {
    root_certificates: RootCertificates,
}

/// Why there is no usable response.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum FetchError {
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
    #[error("unexpected status {0}")]
    Status(u16),
    /// The response was not complete in time.
    #[error("no complete response within {} seconds", TIMEOUT.as_secs())]
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
            Self::ContentType | Self::Json(_) | Self::TooLong | Self::InvalidRequest => false,
        }
    }
}

impl HttpClient {
    /// A client that trusts the CA certificates in `ca_file` or, without it, the system's.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, CaError> {
        Ok(Self {
            root_certificates: RootCertificates::open(ca_file)?,
        })
    }

    /// Fetches a JSON document, with an access token where the endpoint requires one.
    pub(super) async fn get(&self, url: &Url, bearer: Option<&Secret>) -> Result<Json, FetchError> {
        let mut request = Request::get(url.as_str()).header(ACCEPT, "application/json");
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
        json(&response)
    }

    /// Sends a request and reads the whole response, whatever its status.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let request =
            reqwest::Request::try_from(request).map_err(|_| FetchError::InvalidRequest)?;
        let client = self.root_certificates.client();
        let mut response = client.execute(request).await.map_err(fetch_error)?;
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
                    if let Some(code) = error_without_tokens(&json(&response)?) {
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

/// Builds a client with these TLS settings.
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
fn json(response: &HttpResponse) -> Result<Json, FetchError> {
    if !is_json(response.headers()) {
        return Err(FetchError::ContentType);
    }
    Ok(Json::parse(response.body())?)
}

/// Whether a media type is JSON or based on it, such as `application/jwk-set+json`. Signed
/// responses (`application/jwt`) are not.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let value = value.as_bytes().split(|byte| *byte == b';').next();
    let essence = value.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence.ends_with(b"/json") || essence.ends_with(b"+json")
}

/// Converts an error to its root cause, without the URL.
fn fetch_error(error: reqwest::Error) -> FetchError {
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
        FetchError::Interrupted(cause.to_string())
    }
}
