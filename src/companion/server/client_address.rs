//! The address of the client that a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use super::Peer;
use crate::config::TrustedProxies;

#[cfg(test)]
mod tests;

/// The header in which proxies list the client and the proxies before them.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of a request's client, for logs: that of the peer, or if the peer is a trusted proxy, the last one in
/// `X-Forwarded-For` that is not a trusted proxy. What comes before it may be the client's own. `None` if it is not
/// known.
pub(crate) fn client_address(
    peer: Option<Peer>,
    headers: &HeaderMap,
    proxies: &TrustedProxies,
) -> Option<IpAddr> {
    let address = match peer {
        Some(peer) if peer.is_among(proxies) => forwarded_for(headers, proxies),
        Some(Peer::Address(address)) => Some(address.ip()),
        Some(Peer::Unix) | None => None,
    };
    address.map(|address| address.to_canonical())
}

fn forwarded_for(headers: &HeaderMap, proxies: &TrustedProxies) -> Option<IpAddr> {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let texts = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut client = None;
    for text in texts {
        // Whatever is before an entry that is not an address can't be trusted.
        client = Some(address(text.trim())?);
        if client.is_some_and(|address| !proxies.contains(address)) {
            break;
        }
    }
    client
}

/// An address, with or without a port, which some proxies add.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}
