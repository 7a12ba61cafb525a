//! The headers that are not forwarded.

use axum::http::header::{
    AUTHORIZATION, CONNECTION, COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

#[cfg(test)]
mod tests;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// The headers about one connection (RFC 9110 section 7.6.1), which are never forwarded.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
];

/// Credentials of the client. Every client that reaches the listener may use the token, and nothing else is to be used
/// at the target by accident: not the cookie of a browser on the same host name, not a token that a program has in its
/// configuration.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// Whether a header is about one connection and never forwarded.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(name)
}

/// Makes the headers of a client's request those of the request to the target. `kept` are credentials to keep.
///
/// `Host` is removed, because it becomes the target's. `Expect` is removed too: the server here responds to it.
pub(super) fn prepare_request(
    headers: &mut HeaderMap,
    kept: &[HeaderName],
    authorization: HeaderValue,
) {
    let accepts_trailers = accepts_trailers(headers);
    remove_hop_by_hop(headers);
    for name in CREDENTIALS {
        if !kept.contains(&name) {
            headers.remove(name);
        }
    }
    headers.remove(HOST);
    headers.remove(EXPECT);
    if accepts_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.insert(AUTHORIZATION, authorization);
}

/// Removes from the trailers of a client's request what is not forwarded as a header. Some servers merge trailers into
/// the headers.
pub(super) fn prepare_trailers(trailers: &mut HeaderMap) {
    for name in HOP_BY_HOP.into_iter().chain(CREDENTIALS).chain([HOST]) {
        trailers.remove(name);
    }
}

/// Makes the headers of the target's response those of the response to the client.
pub(super) fn prepare_response(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    headers.remove(PROXY_AUTHENTICATE);
}

/// Removes the headers about one connection, and those that `Connection` names.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let listed = headers.get_all(CONNECTION).iter();
        let listed = listed.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let listed = listed.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
        let listed: Vec<HeaderName> = listed.collect();
        for name in listed {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether the client accepts trailers (RFC 9110 section 10.1.4). gRPC needs them.
fn accepts_trailers(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(TE).iter();
    let mut codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}
