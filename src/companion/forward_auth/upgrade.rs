//! Other protocols on the connection of a request: WebSocket, and nothing else.

use axum::http::HeaderMap;
use axum::http::header::UPGRADE;

use super::Unclear;

#[cfg(test)]
mod tests;

/// Whether the client wants to go on with WebSocket. Proxies drop `Upgrade` and `Connection` when
/// they ask us, because these are for one connection alone, but not what belongs to WebSocket itself
/// (RFC 6455 section 4.1, RFC 8441 section 5).
pub(super) fn opens_websocket(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-websocket-key")
        || headers.contains_key("sec-websocket-version")
        || headers
            .get_all("sec-fetch-mode")
            .iter()
            .any(|mode| mode == "websocket")
}

/// Refuses every other protocol, as far as the proxy tells of it. Where the app takes it up, all
/// that follows on the connection passes the proxy unread: with HTTP/2 in clear text, requests that
/// nobody has judged.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Unclear> {
    let mut wanted = headers.get_all(UPGRADE).iter();
    let another = wanted.any(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if another || headers.contains_key("http2-settings") {
        return Err(Unclear::Upgrade);
    }
    Ok(())
}
