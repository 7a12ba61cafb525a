//! Responses to calls.

use portcullis_core::keys::HttpResponse;
use portcullis_core::request::Headers;

/// The longest entity tag, in bytes.
const MAX_ETAG: usize = 64;

/// The content has not changed since the response with the entity tag that was sent.
const NOT_MODIFIED: u16 = 304;

/// A response to a call.
#[derive(Clone, Copy, Debug)]
pub struct CallResponse<'a> {
    /// The header fields, including `:status`.
    pub headers: &'a Headers<'a>,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> CallResponse<'a> {
    /// The status; 0 if it is missing or not a number.
    pub(crate) fn status(&self) -> u16 {
        let status = self.headers.all(":status").next();
        let status = status.and_then(|status| std::str::from_utf8(status).ok());
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Whether the content has not changed.
    pub(crate) fn is_not_modified(&self) -> bool {
        self.status() == NOT_MODIFIED
    }

    /// The entity tag. It is sent back in a header, so others than a quoted word are ignored.
    pub(crate) fn etag(&self) -> Option<String> {
        let etag = std::str::from_utf8(self.all("etag").next()?).ok()?;
        let word = etag.strip_prefix('"')?.strip_suffix('"')?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_valid = word.len() <= MAX_ETAG && word.bytes().all(is_word);
        is_valid.then(|| etag.to_owned())
    }

    /// The values of the header fields of this name, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.all(name)
    }

    /// The response as core's type.
    pub(crate) fn as_http_response(&self) -> HttpResponse<'a> {
        HttpResponse {
            status: self.status(),
            content_type: self.all("content-type").next(),
            content_encoding: self.all("content-encoding").next(),
            body: self.body,
        }
    }
}
