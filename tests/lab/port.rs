//! Free ports for programs whose port must be known before they start.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpSocket;

/// Below Linux's range of ephemeral ports, so that no outgoing connection takes one in between.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A free loopback address. This process returns each one once.
///
/// # Panics
/// If all are in use.
#[must_use]
pub fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Programs that run at the same time start at different ports.
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

/// A socket bound to this port. It does not listen, so connections are refused and others can still
/// bind the port: a child process that starts meanwhile has copies of our sockets until it calls
/// `exec`, and a copy of a listening socket would block the port.
///
/// # Errors
/// If something listens there.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
