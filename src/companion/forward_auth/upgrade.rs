//! Protocol upgrades: WebSocket only.

use axum::http::HeaderMap;
use axum::http::header::UPGRADE;

use super::AmbiguousRequest;

#[cfg(test)]
mod tests;

/// Whether the client opens a WebSocket. Proxies remove `Upgrade` and `Connection`, which are hop-by-hop,
/// from the request that they send here, but keep WebSocket's own headers (RFC 6455 section 4.1,
/// RFC 8441 section 5). A client can omit those, so the proxies are configured to send `Upgrade` here, or to
/// forward no upgrade without them.
pub(super) fn opens_websocket(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        || headers.contains_key("sec-websocket-key")
        || headers.contains_key("sec-websocket-version")
        || headers
            .get_all("sec-fetch-mode")
            .iter()
            .any(|mode| mode == "websocket")
}

/// Refuses an upgrade to any other protocol. If the app accepts an upgrade, what follows on the connection
/// bypasses the proxy: with h2c, these are requests that were never checked.
pub(super) fn check(headers: &HeaderMap) -> Result<(), AmbiguousRequest> {
    let mut protocols = headers.get_all(UPGRADE).iter();
    let another = protocols.any(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if another || headers.contains_key("http2-settings") {
        return Err(AmbiguousRequest::Upgrade);
    }
    Ok(())
}
