//! What an issuer may answer, the bad ways included.

use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As it should be, whatever it says.
    Whole {
        /// The status.
        status: u16,
        /// The headers, without `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The head, then the body a byte at a time with a pause after each.
    Drip {
        /// The body.
        body: Vec<u8>,
        /// After each byte.
        pause: Duration,
    },
    /// A body that ends before its `Content-Length`.
    Truncated {
        /// The body that was promised.
        body: Vec<u8>,
        /// How many bytes of it are sent.
        sent: usize,
    },
    /// Nothing at all, on a connection that stays open.
    Silence,
    /// The connection is reset.
    Reset,
}

impl Answer {
    /// 200 with a JSON body that may be cached for an hour, as an API server says.
    #[must_use]
    pub fn json(content_type: &str, body: &Value) -> Self {
        let headers = [
            ("content-type", content_type),
            ("cache-control", "public, max-age=3600"),
        ];
        Self::whole(200, &headers, body.to_string().into_bytes())
    }

    /// 200 with any body that calls itself JSON.
    #[must_use]
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::whole(200, &[("content-type", "application/json")], body)
    }

    /// This status, and a page that says no more.
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
