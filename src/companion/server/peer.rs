//! The client of a connection.

use std::fmt;
use std::net::SocketAddr;

use crate::config::TrustedProxies;

/// The client of a connection: an `Extension` of each request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// A client with this address.
    Address(SocketAddr),
    /// A client on the unix socket.
    Unix,
}

impl Peer {
    /// Whether it is a trusted proxy.
    pub(crate) fn is_among(self, proxies: &TrustedProxies) -> bool {
        match self {
            Self::Address(address) => proxies.contains(address.ip()),
            Self::Unix => proxies.contains_unix(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix"),
        }
    }
}
