//! Ports for programs that must be told theirs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpSocket;

/// Below the range that Linux hands out by itself, so that no outgoing connection takes one in
/// between.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A loopback address that nobody listens on, and that this process gives out once.
///
/// # Panics
/// When all are taken.
#[must_use]
pub fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Programs that run at the same time begin at different places.
    let start = process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| {
            let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
            let offset = start.wrapping_add(step) % u32::from(COUNT);
            SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset as u16))
        })
        .find(|address| bind(*address).is_ok())
        .expect("a free port on loopback")
}

/// A socket that has this port, which may have been another's a moment ago. As long as it does not
/// listen, connections are refused, and others may bind the port too: a program that is started
/// meanwhile has a copy of each of our sockets until it runs, and would keep a port that listens.
///
/// # Errors
/// Where somebody listens there.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
