//! The extractor of what session events record of the client.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::request_id::RequestId;
use super::state::SharedSignInState;
use crate::server::{Peer, client_address};
use crate::session::EventClient;

impl FromRequestParts<SharedSignInState> for EventClient {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &SharedSignInState,
    ) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().copied();
        let user_agent = parts.headers.get(USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let id = parts.extensions.get::<RequestId>();
        Ok(Self {
            address: client_address(peer, &parts.headers, &state.trusted_proxies),
            user_agent: user_agent.map(|text| text.into_owned()),
            request_id: id.map(|id| id.as_str().to_owned()),
        })
    }
}
