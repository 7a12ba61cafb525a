//! Settings from the environment.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The demo's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The port of the apps: `PORT`.
    pub(crate) gateway: SocketAddr,
    /// The port of Envoy's admin interface: `ADMIN_PORT`.
    pub(crate) admin: SocketAddr,
    /// Whether to exit after the table: `ONESHOT=1`.
    pub(crate) oneshot: bool,
}

impl Settings {
    /// Reads them, and checks that the ports are free.
    pub(crate) fn from_environment() -> Result<Self, String> {
        Ok(Self {
            gateway: port("PORT", 18443)?,
            admin: port("ADMIN_PORT", 19901)?,
            oneshot: env::var("ONESHOT").is_ok_and(|value| value == "1"),
        })
    }
}

/// Reads a port. The default is fixed, so that copied commands work again later.
fn port(name: &str, default: u16) -> Result<SocketAddr, String> {
    let port = match env::var(name) {
        Err(_) => default,
        Ok(text) => match text.parse() {
            Ok(port) if port > 0 => port,
            _ => {
                return Err(format!(
                    "invalid {name}={text}: expected a port number up to 65535"
                ));
            }
        },
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(address) {
        Ok(_free) => Ok(address),
        Err(error) => Err(format!(
            "port {port} is unavailable: {error}\nhelp: choose another port: `make demo {name}={}`",
            port.wrapping_add(1).max(1024)
        )),
    }
}
