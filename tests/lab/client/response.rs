//! A response.

use serde_json::Value;

use crate::lab::http::text;
use crate::lab::secrets;

/// A complete response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers as received, including duplicates.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers (HTTP/2 only).
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Response {
    /// Registers the secrets in the response, so that logs are searched for them.
    pub(super) fn with_registered_secrets(self) -> Self {
        secrets::register_all_of(&self);
        self
    }

    /// The values of all headers of this name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<String> {
        values(&self.headers, name).collect()
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        values(&self.headers, name).next()
    }

    /// The `grpc-status`, which is among the headers if the response has no body.
    #[must_use]
    pub fn grpc_status(&self) -> Option<u32> {
        let mut found = values(&self.trailers, "grpc-status");
        found
            .next()
            .or_else(|| self.header("grpc-status"))?
            .parse()
            .ok()
    }

    /// The status and, if the gateway refused the request, the reason: `200`, or `503 keys-stale`.
    #[must_use]
    pub fn verdict(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match body["reason"].as_str() {
            Some(reason) => format!("{} {reason}", self.status),
            None => self.status.to_string(),
        }
    }

    /// The body as text. Invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} {error}: {}", self.status, self.text()))
    }
}

fn values<'a>(
    headers: &'a [(String, Vec<u8>)],
    name: &'a str,
) -> impl Iterator<Item = String> + 'a {
    headers
        .iter()
        .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| text(v))
}
