//! `/oauth2/auth[/<path>]`: forward auth, by any method, because a proxy asks by its own.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use crate::commands::serve::state::Shared;
use crate::forward_auth;
use crate::server::Peer;

pub(super) async fn auth(State(state): State<Shared>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().copied();
    let peer = forward_auth::Peer {
        address: match peer {
            Some(Peer::Address(address)) => Some(address.ip()),
            Some(Peer::Unix) | None => None,
        },
        is_trusted: peer.is_some_and(|peer| peer.is_among(&state.config.trusted_proxies)),
    };
    let judge = state.judge.load();
    // In a box, because all that it may wait for lies in it, and the compiler counts how deep.
    let answer = forward_auth::answer(&parts, peer, &judge, &state.signed_in);
    let answer = Box::pin(answer).await;
    state.metrics.decided(answer.app(), answer.reason().code());
    answer.into_response()
}
