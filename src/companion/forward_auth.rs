//! Forward auth: a proxy that is no Envoy with our filter asks whether a request may go on, before it
//! sends it anywhere. The same core judges it by the same policy.
//!
//! What the proxy tells is read by [`original`], and only from proxies that the configuration trusts
//! (H10): whoever else could choose which request is judged, and then send another. Which host the
//! proxy serves, it may say by [`served`]; what may narrow the verdict is [`narrowing`], and what must not follow
//! on the connection [`upgrade`]. [`judge`] has the verdict, and [`answer()`] tells the proxy.

mod answer;
mod judge;
mod memories;
mod narrowing;
mod original;
mod served;
mod sign_in;
mod upgrade;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use axum::http::request::Parts;
use portcullis_core::decision::Decision;
use portcullis_core::endpoints;
use portcullis_core::request::Headers;

pub(crate) use answer::Answer;
#[allow(unused_imports, reason = "`serve` puts it to use")]
pub(crate) use judge::{Judge, People, Renewal};
pub(crate) use original::{Form, Unclear};

use narrowing::Narrowing;
use original::Original;

/// Where proxies ask; below it, in the form with a path, is the path that they ask about.
pub(crate) const PATH: &str = endpoints::AUTH.path;

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    /// Its address; `None` where it came through a unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Whether the configuration trusts it.
    pub(crate) is_trusted: bool,
}

/// Answers a request to [`PATH`] or below.
pub(crate) async fn answer<P: People>(
    request: &Parts,
    peer: Peer,
    judge: &Judge,
    people: &P,
) -> Answer {
    let form = Form::of(&request.uri);
    if !peer.is_trusted {
        tell_of_untrusted(peer);
        return refuse(Decision::proxy_untrusted(), judge, form);
    }
    let told = Original::read(request, form).and_then(|original| {
        served::check(&request.uri, form, original.authority())?;
        upgrade::check(&request.headers)?;
        Ok((original, Narrowing::read(&request.uri, form)?))
    });
    let (original, narrowing) = match told {
        Ok(told) => told,
        Err(unclear) => {
            tracing::warn!("forward auth is refused: {unclear}");
            return refuse(Decision::request_ambiguous(), judge, form);
        }
    };
    let headers = original.headers(&request.headers);
    let (decision, set_cookie) = judge.judge(&headers, people).await;
    let decision = narrowing.apply(decision);
    let outcome = judge.outcome(decision, &headers);
    Answer::new(outcome, &headers, form, set_cookie.as_deref())
}

/// Refuses what can't be judged.
fn refuse(decision: Decision<'_>, judge: &Judge, form: Form) -> Answer {
    let headers = Headers::default();
    Answer::new(judge.outcome(decision, &headers), &headers, form, None)
}

/// Names the peer, and the line that makes it a trusted one.
fn tell_of_untrusted(peer: Peer) {
    let name = peer.address.map_or_else(
        || "unix".to_owned(),
        |address| address.to_canonical().to_string(),
    );
    tracing::warn!(
        "forward auth is refused: the peer {name} is no trusted proxy. If it is one of yours, add \
         `trusted_proxies: [\"{name}\"]` to the configuration"
    );
}
