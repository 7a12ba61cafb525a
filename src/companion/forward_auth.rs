//! Forward auth: before a proxy without the filter forwards a request, it asks whether the request is
//! allowed. The same core decides by the same policy.
//!
//! [`original`] reads the original request, from trusted proxies only (H10): another client could describe
//! one request and send another. [`host_check`] compares its host with the host that the proxy serves,
//! [`restrictions`] reads the query parameters that restrict access further, and [`upgrade`] refuses
//! protocols other than WebSocket. [`evaluator`] decides, and [`response`] builds the response to the proxy.
//! [`identity`] verifies the bearer token of a client that asks who it is.

mod evaluator;
pub(crate) mod fuzzing;
mod host_check;
mod identity;
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
pub(crate) use identity::identify;
pub(crate) use original::{AmbiguousRequest, RequestFormat};
pub(crate) use response::AuthResponse;

use original::Original;
use restrictions::Restrictions;

/// The endpoint. In the format [`RequestFormat::InPath`] the original path follows.
pub(crate) const PATH: &str = endpoints::AUTH.path;

/// The client of the endpoint: a proxy, if it is trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProxyPeer {
    /// Its address; `None` for a unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Whether the configuration trusts it.
    pub(crate) is_trusted: bool,
    /// The address of the request's client, for the audit record.
    pub(crate) client: Option<IpAddr>,
}

/// Decides on the request that a proxy describes in its request to [`PATH`] or below.
pub(crate) async fn authorize<P: SessionSource>(
    request: &Parts,
    peer: ProxyPeer,
    evaluator: &Evaluator,
    sessions: &P,
) -> AuthResponse {
    let format = RequestFormat::of(&request.uri);
    if !peer.is_trusted {
        warn_of_untrusted_proxy(peer);
        return refuse(
            Decision::proxy_untrusted(),
            request,
            peer,
            evaluator,
            format,
        );
    }
    let checked = Original::read(request, format).and_then(|original| {
        host_check::check(&request.uri, format, original.authority())?;
        upgrade::check(&request.headers)?;
        Ok((original, Restrictions::read(&request.uri, format)?))
    });
    let (original, restrictions) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            tracing::warn!("forward auth refused: {error}");
            return refuse(
                Decision::request_ambiguous(),
                request,
                peer,
                evaluator,
                format,
            );
        }
    };
    let headers = original.headers(&request.headers);
    let (decision, set_cookie) = evaluator.evaluate(&headers, sessions).await;
    let decision = restrictions.apply(decision, evaluator.issuers().now());
    let outcome = evaluator.outcome(decision, &headers, peer.client);
    AuthResponse::new(outcome, &headers, format, set_cookie.as_deref())
}

/// Refuses a request that can't be evaluated. Nothing of it counts but its ID.
fn refuse(
    decision: Decision<'_>,
    request: &Parts,
    peer: ProxyPeer,
    evaluator: &Evaluator,
    format: RequestFormat,
) -> AuthResponse {
    let ids = request.headers.get_all("x-request-id").iter();
    let ids = ids.map(|id| (&b"x-request-id"[..], id.as_bytes()));
    let headers = Headers::new(ids.collect());
    AuthResponse::new(
        evaluator.outcome(decision, &headers, peer.client),
        &headers,
        format,
        None,
    )
}

/// Logs the peer, and the setting that makes it a trusted proxy.
fn warn_of_untrusted_proxy(peer: ProxyPeer) {
    let name = peer.address.map_or_else(
        || "unix".to_owned(),
        |address| address.to_canonical().to_string(),
    );
    tracing::warn!(
        "forward auth refused: {name} is not a trusted proxy. If it is one of yours, add \
         `trusted_proxies: [\"{name}\"]` to the configuration"
    );
}
