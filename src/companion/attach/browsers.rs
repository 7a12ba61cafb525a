//! Requests that a page in a browser on this machine sends without its user knowing.
//!
//! Every client that reaches the listener may use the token, and a browser on the same machine reaches loopback for any page. A
//! page of another site is refused by what browsers say about their requests (Fetch Metadata), and one whose own name
//! was changed to an address of this machine (DNS rebinding) by its `Host`.

use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};

#[cfg(test)]
mod tests;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Foreign {
    /// `Host` is neither an address nor `localhost`.
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
    // The user follows a link.
    let is_link = value("sec-fetch-mode") == Some(b"navigate")
        && matches!(*method, Method::GET | Method::HEAD);
    if is_foreign && !is_link {
        return Err(Foreign::Site);
    }
    Ok(())
}

/// Whether a `Host` is an address or `localhost`, which no other site can have.
fn is_local(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}
