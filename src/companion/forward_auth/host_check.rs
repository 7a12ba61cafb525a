//! Compares the request's host with the host that the proxy serves.
//!
//! A proxy may route by another host than it sends here: a client can write one host into the request
//! line and another into `Host`, and NGINX routes by the first while `$http_host` is the second. An
//! ingress controller allows no change of the headers that it sends, only of the URL. So the URL has a
//! `host` parameter.

use axum::http::Uri;
use url::form_urlencoded;

use super::{AmbiguousRequest, Form};

#[cfg(test)]
mod tests;

/// The query parameter.
const HOST: &str = "host";

/// Refuses a request whose host differs from a `host` in the query. In the form with a path the query is
/// the original request's and is not checked.
pub(super) fn check(uri: &Uri, form: Form, authority: &[u8]) -> Result<(), AmbiguousRequest> {
    if form == Form::WithPath {
        return Ok(());
    }
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut served = query.filter(|(name, _)| name == HOST);
    let asked = without_port(authority);
    if served.all(|(_, host)| asked.eq_ignore_ascii_case(host.as_bytes())) {
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
