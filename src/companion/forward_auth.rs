//! Forward auth: a proxy without the filter asks, before it forwards a request, whether the request is
//! allowed. The same core decides by the same policy.
//!
//! [`original`] reads the original request from the headers of trusted proxies only (H10): anyone else
//! could have one request evaluated and send another. [`host_check`] compares its host with the one that
//! the proxy serves, [`restrictions`] has the query parameters that narrow the decision, and
//! [`upgrade`] refuses protocols other than WebSocket. [`evaluator`] decides, and [`response`] is what the
//! proxy gets.

mod evaluator;
pub(crate) mod fuzzing;
mod host_check;
mod original;
mod response;
mod restrictions;
mod sign_in;
mod token_caches;
mod upgrade;

#[cfg(test)]
mod tests;

use portcullis_core::endpoints;
use std::net::IpAddr;

use axum::http::request::Parts;
use portcullis_core::decision::Decision;
use portcullis_core::request::Headers;

#[allow(unused_imports, reason = "`serve` puts it to use")]
pub(crate) use evaluator::{Evaluator, SessionRefresh, SessionSource};
pub(crate) use original::{AmbiguousRequest, Form};
pub(crate) use response::AuthResponse;

use original::Original;
use restrictions::Restrictions;

/// The endpoint; in the form with a path, the original path follows it.
pub(crate) const PATH: &str = endpoints::AUTH.path;

/// The client of the endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    /// Its address; `None` where it came through a unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Whether the configuration trusts it.
    pub(crate) is_trusted: bool,
}

/// Decides on the request that a proxy asks about at [`PATH`] or below.
pub(crate) async fn authorize<P: SessionSource>(
    request: &Parts,
    peer: Peer,
    evaluator: &Evaluator,
    sessions: &P,
) -> AuthResponse {
    let form = Form::of(&request.uri);
    if !peer.is_trusted {
        warn_of_untrusted_proxy(peer);
        return refuse(Decision::proxy_untrusted(), evaluator, form);
    }
    let checked = Original::read(request, form).and_then(|original| {
        host_check::check(&request.uri, form, original.authority())?;
        upgrade::check(&request.headers)?;
        Ok((original, Restrictions::read(&request.uri, form)?))
    });
    let (original, restrictions) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            tracing::warn!("forward auth refused: {error}");
            return refuse(Decision::request_ambiguous(), evaluator, form);
        }
    };
    let headers = original.headers(&request.headers);
    let (decision, set_cookie) = evaluator.evaluate(&headers, sessions).await;
    let decision = restrictions.apply(decision);
    let outcome = evaluator.outcome(decision, &headers);
    AuthResponse::new(outcome, &headers, form, set_cookie.as_deref())
}

/// Refuses a request that can't be evaluated.
fn refuse(decision: Decision<'_>, evaluator: &Evaluator, form: Form) -> AuthResponse {
    let headers = Headers::default();
    AuthResponse::new(evaluator.outcome(decision, &headers), &headers, form, None)
}

/// Logs the peer and the configuration that makes it a trusted proxy.
fn warn_of_untrusted_proxy(peer: Peer) {
    let name = peer.address.map_or_else(
        || "unix".to_owned(),
        |address| address.to_canonical().to_string(),
    );
    tracing::warn!(
        "forward auth refused: {name} is not a trusted proxy. If it is one of yours, add \
         `trusted_proxies: [\"{name}\"]` to the configuration"
    );
}
