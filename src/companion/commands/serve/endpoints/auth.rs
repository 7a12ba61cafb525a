//! `/oauth2/auth[/<path>]`: forward auth, with any method, because proxies send the original one.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use crate::commands::serve::request_id::set_request_id;
use crate::commands::serve::state::SharedState;
use crate::forward_auth;
use crate::server::{Peer, client_address};

pub(super) async fn auth(State(state): State<SharedState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    set_request_id(&mut parts);
    let peer = parts.extensions.get::<Peer>().copied();
    let peer = forward_auth::ProxyPeer {
        address: match peer {
            Some(Peer::Address(address)) => Some(address.ip()),
            Some(Peer::Unix) | None => None,
        },
        is_trusted: peer.is_some_and(|peer| peer.is_among(&state.config.trusted_proxies)),
        client: client_address(peer, &parts.headers, &state.config.trusted_proxies),
    };
    let evaluator = state.forward_auth.load();
    // Boxed, because the nested future is deeper than the compiler's recursion limit.
    let response = forward_auth::authorize(&parts, peer, &evaluator, &state.sessions);
    let response = Box::pin(response).await;
    let (metrics, app) = (&state.metrics, response.app());
    metrics.decided(app, response.reason().code());
    if let (Some(app), Some(reason)) = (app, response.reported()) {
        metrics.reported(app, reason.code());
    }
    if let (Some(app), Some((is_allowed, shadow))) = (app, response.shadow()) {
        metrics.shadow_differs(app, is_allowed, shadow.text());
    }
    response.into_response()
}
