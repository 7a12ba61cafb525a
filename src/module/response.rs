//! Responses to HTTP calls.

use std::fmt;

use portcullis_core::request::Headers;
use portcullis_engine::CallResponse;

/// A response, during the hook that Envoy calls for it.
pub(crate) struct Response<'h> {
    /// The header fields.
    pub(crate) headers: Vec<(&'h [u8], &'h [u8])>,
    /// The chunks of the body.
    pub(crate) chunks: Vec<&'h [u8]>,
}

/// A response for another thread.
pub(crate) struct OwnedResponse {
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response<'_> {
    /// Passes this to `handle` with up to `max_body` bytes of the body, and one more if it is longer.
    pub(crate) fn with<T>(
        &self,
        max_body: usize,
        handle: impl FnOnce(&CallResponse<'_>) -> T,
    ) -> T {
        let headers = Headers::new(self.headers.clone());
        let body = self.body(max_body);
        handle(&CallResponse {
            headers: &headers,
            body: &body,
        })
    }

    /// A copy with as much of the body.
    pub(crate) fn to_owned(&self, max_body: usize) -> OwnedResponse {
        let headers = self.headers.iter();
        OwnedResponse {
            headers: headers
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
            body: self.body(max_body),
        }
    }

    fn body(&self, max_body: usize) -> Vec<u8> {
        let bytes = self.chunks.iter().copied().flatten().copied();
        bytes.take(max_body.saturating_add(1)).collect()
    }
}

impl OwnedResponse {
    /// Passes this to `handle`.
    pub(crate) fn with<T>(&self, handle: impl FnOnce(&CallResponse<'_>) -> T) -> T {
        let fields = self.headers.iter();
        let fields = fields.map(|(name, value)| (name.as_slice(), value.as_slice()));
        let headers = Headers::new(fields.collect());
        handle(&CallResponse {
            headers: &headers,
            body: &self.body,
        })
    }
}

/// Responses of the companion have cookies, which are credentials.
impl fmt::Debug for Response<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Response").finish_non_exhaustive()
    }
}

/// As for [`Response`].
impl fmt::Debug for OwnedResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OwnedResponse")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
