//! Requests that a page in a browser on this machine sends without its user knowing.
//!
//! Every client that reaches the listener may use the token, and a browser on the same machine reaches loopback for any page. A
//! page of another site is refused by what browsers say about their requests (Fetch Metadata), and one whose own name
//! was changed to an address of this machine (DNS rebinding) by its `Host`. Browsers send no Fetch Metadata with
//! WebSocket handshakes, which no same-origin policy restricts, so these are judged by their `Origin`.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};

#[cfg(test)]
mod tests;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Foreign {
    /// `Host` is neither an address of loopback nor `localhost`.
    Host,
    /// A page of another site sends it.
    Site,
}

/// Checks a request to an address of loopback.
pub(super) fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Foreign> {
    let hosts = headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let authority = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    if !hosts.chain(authority).all(is_local) {
        return Err(Foreign::Host);
    }
    let value = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let is_foreign = matches!(value("sec-fetch-site"), Some(b"cross-site" | b"same-site"));
    // The user follows a link, and the page is shown as a whole: in a frame it could be overlaid.
    let is_link = value("sec-fetch-mode") == Some(b"navigate")
        && matches!(value("sec-fetch-dest"), None | Some(b"document"))
        && matches!(*method, Method::GET | Method::HEAD);
    if (is_foreign && !is_link) || is_foreign_upgrade(uri, headers) {
        return Err(Foreign::Site);
    }
    Ok(())
}

/// Whether a page of another origin asks for a WebSocket. Programs send no `Origin`.
fn is_foreign_upgrade(uri: &Uri, headers: &HeaderMap) -> bool {
    if !headers.contains_key(UPGRADE) {
        return false;
    }
    let own = headers.get(HOST).map(HeaderValue::as_bytes);
    let own = own.or_else(|| {
        uri.authority()
            .map(|authority| authority.as_str().as_bytes())
    });
    let mut origins = headers.get_all(ORIGIN).iter().map(HeaderValue::as_bytes);
    origins.any(|origin| {
        let host = origin.strip_prefix(b"http://");
        let host = host.or_else(|| origin.strip_prefix(b"https://"));
        host.is_none() || host != own
    })
}

/// Whether a `Host` is an address of loopback or `localhost`, which no other site can have. Browsers send no Fetch
/// Metadata to other addresses, such as `0.0.0.0`, that lead to this machine too.
fn is_local(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = name.to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}
