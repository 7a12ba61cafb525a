//! The HTTP of reading keys.

use portcullis_core::keys::{HttpAnswer, READ_TIMEOUT, Read};
use portcullis_core::trust::Remote;

use crate::host::{self, Pairs};

/// Where the companion serves its mirrors, below which each trust entry has its name.
const MIRROR: &str = "/oauth2/mirror/";

/// The `:authority` under which the companion is asked for a mirror.
const MIRROR_AUTHORITY: &str = "portcullis";

/// A reply to one call.
#[derive(Debug)]
pub(super) struct Reply {
    headers: Pairs,
    body: Vec<u8>,
    status: u16,
}

/// Asks for one thing at the issuer's cluster, without any credential, and returns the token by
/// which the reply is known.
pub(super) fn ask(remote: &Remote, read: &Read) -> Result<u32, host::Error> {
    let mirror;
    let (authority, path) = match read {
        Read::Discovery(url) | Read::KeySet(url) => (url.authority(), url.path()),
        Read::Mirror(trust) => {
            mirror = format!("{MIRROR}{trust}");
            (MIRROR_AUTHORITY, mirror.as_str())
        }
    };
    let headers = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
        ("accept", "application/json, application/jwk-set+json"),
        ("accept-encoding", "identity"),
        ("user-agent", "portcullis"),
    ];
    host::dispatch_http_call(&remote.envoy_cluster, &headers, READ_TIMEOUT)
}

impl Reply {
    /// The reply that is being reported; `None` where the call failed or can't be read.
    pub(super) fn take(headers: usize, body: usize, max_body: usize) -> Option<Self> {
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

    /// The reply in core's terms.
    pub(super) fn answer(&self) -> HttpAnswer<'_> {
        HttpAnswer {
            status: self.status,
            content_type: self.headers.values("content-type").next(),
            content_encoding: self.headers.values("content-encoding").next(),
            body: &self.body,
        }
    }
}
