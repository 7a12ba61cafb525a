//! The number of a request, by which its lines in the log and its page find each other.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rand_core::{OsRng, RngCore as _};

/// Under which header the number goes out, and under which a proxy sends its own.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The number of a request: 128 random bits in hexadecimal. An `Extension` of each request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// A number that no request has had.
    pub(crate) fn fresh() -> Self {
        let mut bits = [0; 16];
        OsRng.fill_bytes(&mut bits);
        Self(format!("{:032x}", u128::from_be_bytes(bits)))
    }

    /// The number.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header has it.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

/// The number that a proxy in front gave the request, where it is one that can be logged.
pub(super) fn theirs(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(plain)).then_some(id)
}
