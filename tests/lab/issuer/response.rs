//! Responses of an issuer, including broken ones.

use std::time::Duration;

use serde_json::Value;

/// A response.
#[derive(Clone, Debug)]
pub enum ServerResponse {
    /// A complete response.
    Whole {
        /// The status.
        status: u16,
        /// The headers, without `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The head, then the body one byte at a time with a pause after each.
    Drip {
        /// The body.
        body: Vec<u8>,
        /// The pause.
        pause: Duration,
    },
    /// A body that is shorter than its `Content-Length`.
    Truncated {
        /// The announced body.
        body: Vec<u8>,
        /// The number of bytes that are sent.
        sent: usize,
    },
    /// No response, on a connection that stays open.
    Silence,
    /// The connection is reset.
    Reset,
}

impl ServerResponse {
    /// 200 with a JSON body that is cacheable for an hour, like an API server's.
    #[must_use]
    pub fn json(content_type: &str, body: &Value) -> Self {
        let headers = [
            ("content-type", content_type),
            ("cache-control", "public, max-age=3600"),
        ];
        Self::whole(200, &headers, body.to_string().into_bytes())
    }

    /// 200 with any body and the content type of JSON.
    #[must_use]
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::whole(200, &[("content-type", "application/json")], body)
    }

    /// This status with a minimal HTML page.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::whole(
            status,
            &[("content-type", "text/html")],
            "<!doctype html><title>No</title>",
        )
    }

    /// This status, headers and body.
    #[must_use]
    pub fn whole(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self::Whole {
            status,
            headers,
            body: body.into(),
        }
    }
}
