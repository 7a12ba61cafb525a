//! The original request for the fuzz target.

use axum::http::Request;

use super::RequestFormat;
use super::original::Original;

/// The original request as the proxy describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginalRequest {
    /// The method.
    pub method: Vec<u8>,
    /// The host, with the port where there is one.
    pub authority: Vec<u8>,
    /// The path, with its query.
    pub path: Vec<u8>,
}

/// Reads the original request from a proxy's request with this method, target and header fields.
/// `None` if it is ambiguous, or if the proxy's request is not HTTP.
#[must_use]
pub fn original_request(
    method: &str,
    target: &str,
    fields: &[(&[u8], &[u8])],
) -> Option<OriginalRequest> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    let original = Original::read(&parts, RequestFormat::of(&parts.uri)).ok()?;
    let headers = original.headers(&parts.headers);
    let part = |name| headers.all(name).next().map(<[u8]>::to_vec);
    Some(OriginalRequest {
        method: part(":method")?,
        authority: part(":authority")?,
        path: part(":path")?,
    })
}
