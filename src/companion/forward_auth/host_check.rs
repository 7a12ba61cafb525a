//! Compares the request's host with the host that the proxy serves.
//!
//! A proxy may route by another host than the one that it sends here: a client can send one host in the
//! request line and another in `Host`, and NGINX routes by the first, while `$http_host` is the second.
//! In ingress-nginx the headers can't be configured, but the URL can. So the URL has the parameter `host`.

use axum::http::Uri;
use url::form_urlencoded;

use super::{AmbiguousRequest, RequestFormat};

#[cfg(test)]
mod tests;

/// The query parameter.
pub(super) const HOST: &str = "host";

/// Refuses a request whose host differs from a `host` in the query. In the format
/// [`RequestFormat::InPath`] the query is that of the original request and is not checked.
pub(super) fn check(
    uri: &Uri,
    format: RequestFormat,
    authority: &[u8],
) -> Result<(), AmbiguousRequest> {
    if format == RequestFormat::InPath {
        return Ok(());
    }
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut served_hosts = query.filter(|(name, _)| name == HOST);
    let requested_host = without_port(authority);
    if served_hosts.all(|(_, host)| requested_host.eq_ignore_ascii_case(host.as_bytes())) {
        Ok(())
    } else {
        Err(AmbiguousRequest::Host)
    }
}

fn without_port(authority: &[u8]) -> &[u8] {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    match colon.and_then(|colon| authority.split_at_checked(colon)) {
        Some((host, port)) if port.iter().skip(1).all(u8::is_ascii_digit) => host,
        _ => authority,
    }
}
