//! An answer.

use serde_json::Value;

use crate::lab::http::text;
use crate::lab::secrets;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers as they came, duplicates too.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// What came behind the body (HTTP/2 only).
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Reply {
    /// The answer, after the secrets in it have been told to those who look for them in logs.
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

    /// The `grpc-status`, which an answer without a body has among its headers.
    #[must_use]
    pub fn grpc_status(&self) -> Option<u32> {
        let mut found = values(&self.trailers, "grpc-status");
        found
            .next()
            .or_else(|| self.header("grpc-status"))?
            .parse()
            .ok()
    }

    /// The status and, where the gate refused, its reason: `200`, or `503 keys-stale`.
    #[must_use]
    pub fn verdict(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match body["reason"].as_str() {
            Some(reason) => format!("{} {reason}", self.status),
            None => self.status.to_string(),
        }
    }

    /// The body as text, each byte that is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
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
