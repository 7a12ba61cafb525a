//! The host that a proxy serves, where it says so.
//!
//! A proxy may send a request on by another host than it tells us: a client can write one into the
//! first line and another into `Host`, and NGINX goes by the first where `$http_host` is the second.
//! An ingress controller lets nobody change what it tells, only where it asks. So the host stands
//! there.

use axum::http::Uri;
use url::form_urlencoded;

use super::{Form, Unclear};

#[cfg(test)]
mod tests;

/// The parameter that has it.
const HOST: &str = "host";

/// Refuses a request to another host than every `host` in the query. In the form with a path the
/// query is the original request's, and means nothing here.
pub(super) fn check(uri: &Uri, form: Form, authority: &[u8]) -> Result<(), Unclear> {
    if form == Form::WithPath {
        return Ok(());
    }
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut served = query.filter(|(name, _)| name == HOST);
    let asked = without_port(authority);
    if served.all(|(_, host)| asked.eq_ignore_ascii_case(host.as_bytes())) {
        Ok(())
    } else {
        Err(Unclear::Host)
    }
}

fn without_port(authority: &[u8]) -> &[u8] {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    match colon.and_then(|colon| authority.split_at_checked(colon)) {
        Some((host, port)) if port.iter().skip(1).all(u8::is_ascii_digit) => host,
        _ => authority,
    }
}
