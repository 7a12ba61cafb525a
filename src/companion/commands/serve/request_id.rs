//! The request ID, which is in the log lines of a request, on its error page and in `X-Request-Id`.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rand_core::{OsRng, RngCore as _};

/// The header of the request ID in responses, and of the proxy's own in requests.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request ID: 128 random bits in hexadecimal. An `Extension` of each request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// A new request ID.
    pub(crate) fn fresh() -> Self {
        let mut bits = [0; 16];
        OsRng.fill_bytes(&mut bits);
        Self(format!("{:032x}", u128::from_be_bytes(bits)))
    }

    /// The ID.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header value.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

/// The request ID that a proxy in front has set, if it is safe to log.
pub(super) fn proxy_request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(plain)).then_some(id)
}
