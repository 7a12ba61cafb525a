//! Replies to HTTP calls of our own.

use portcullis_core::keys::HttpResponse;

use crate::host::{self, Pairs};

/// A reply to one call.
#[derive(Debug)]
pub(crate) struct Reply {
    headers: Pairs,
    body: Vec<u8>,
    status: u16,
}

impl Reply {
    /// The reply that is being reported; `None` where the call failed or can't be read.
    pub(crate) fn take(headers: usize, body: usize, max_body: usize) -> Option<Self> {
        let headers = host::http_call_headers(headers).ok()??;
        let body = match host::http_call_body(body, max_body) {
            Ok(body) => body,
            // One byte too many says as much as all of them: too long.
            Err(host::Error::TooLarge) => vec![0; max_body.saturating_add(1)],
            Err(_) => return None,
        };
        let status = headers
            .values(":status")
            .next()
            .and_then(|status| std::str::from_utf8(status).ok());
        // Envoy gives odd statuses of three digits; what is no number is no good answer.
        let status = status.and_then(|status| status.parse().ok()).unwrap_or(0);
        Some(Self {
            headers,
            body,
            status,
        })
    }

    /// The status; 0 where there is no good one.
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// The values of the headers of this name, which is in lower case, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.values(name)
    }

    /// The reply in core's terms.
    pub(crate) fn answer(&self) -> HttpResponse<'_> {
        HttpResponse {
            status: self.status,
            content_type: self.headers.values("content-type").next(),
            content_encoding: self.headers.values("content-encoding").next(),
            body: &self.body,
        }
    }
}
