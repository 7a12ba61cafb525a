//! Who is at the other end of a connection.

use std::fmt;
use std::net::SocketAddr;

use crate::config::Proxies;

/// Who is at the other end of a connection: an `Extension` of each request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// Somebody at this address.
    Address(SocketAddr),
    /// Whoever may use the unix socket.
    Unix,
}

impl Peer {
    /// Whether its word about the original request counts.
    pub(crate) fn is_among(self, proxies: &Proxies) -> bool {
        match self {
            Self::Address(address) => proxies.has(address.ip()),
            Self::Unix => proxies.has_unix(),
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
