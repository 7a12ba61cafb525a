//! `/oauth2/auth[/<path>]`: forward auth, with any method, because proxies send the original one.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use crate::commands::serve::state::SharedState;
use crate::forward_auth;
use crate::server::Peer;

pub(super) async fn auth(State(state): State<SharedState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().copied();
    let peer = forward_auth::ProxyPeer {
        address: match peer {
            Some(Peer::Address(address)) => Some(address.ip()),
            Some(Peer::Unix) | None => None,
        },
        is_trusted: peer.is_some_and(|peer| peer.is_among(&state.config.trusted_proxies)),
    };
    let evaluator = state.forward_auth.load();
    // Boxed, because the nested future is deeper than the compiler's recursion limit.
    let response = forward_auth::authorize(&parts, peer, &evaluator, &state.sessions);
    let response = Box::pin(response).await;
    (state.metrics).decided(response.app(), response.reason().code());
    response.into_response()
}
