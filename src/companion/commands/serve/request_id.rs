//! The request ID, which is in the log lines of a request, on its error page and in `X-Request-Id`.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_core::request::request_id;
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
    let mut ids = headers.get_all(X_REQUEST_ID).iter();
    let id = ids.next().filter(|_| ids.next().is_none())?;
    request_id(id.as_bytes())
}

/// Gives a request our ID if its proxy has set none: a refusal shows the ID by which the proxy logs it, or else
/// ours.
pub(crate) fn set_request_id(request: &mut Parts) {
    if proxy_request_id(&request.headers).is_some() {
        return;
    }
    request.headers.remove(X_REQUEST_ID);
    let id = request.extensions.get::<RequestId>();
    if let Some(id) = id.and_then(RequestId::header) {
        request.headers.insert(X_REQUEST_ID, id);
    }
}
