//! Where the companion listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::document::Report;

use super::source::{Located, Source};

/// Where to listen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix {
        /// Its location in the file system.
        path: PathBuf,
        /// Who may use it, as `chmod` takes it.
        mode: u32,
    },
}

/// The port of oauth2-proxy, so that proxies need no change in a migration.
const DEFAULT: &str = "127.0.0.1:4180";

/// The main listener.
pub(super) fn main(source: &Source) -> Result<Listen, Report> {
    match read(source, "listen")? {
        Some(listen) => Ok(listen),
        None => tcp(DEFAULT).ok_or_else(|| source.missing_field("listen", "write an address")),
    }
}

/// The metrics listener.
pub(super) fn metrics(source: &Source, main: &Listen) -> Result<Option<Listen>, Report> {
    let listen = read(source, "metrics")?;
    let any_port = matches!(main, Listen::Tcp(address) if address.port() == 0);
    if !any_port
        && listen.as_ref() == Some(main)
        && let Some(found) = source.text("metrics")?
    {
        let help = "use another port, which users can't reach";
        return Err(found.error("is the same address as `listen`", help));
    }
    Ok(listen)
}

fn read(source: &Source, path: &str) -> Result<Option<Listen>, Report> {
    let found = source.text(path)?;
    found.map(|found| parse(&found, source)).transpose()
}

/// The address that a value names. A unix socket has the mode of `listen_mode`.
pub(super) fn parse(found: &Located<'_>, source: &Source) -> Result<Listen, Report> {
    if let Some(socket) = found.value.strip_prefix("unix:") {
        if socket.is_empty() {
            return Err(found.error("has no socket path", "write `unix:` and a path"));
        }
        return Ok(Listen::Unix {
            path: found.location.folder().join(socket),
            mode: mode(source)?,
        });
    }
    tcp(&found.value).ok_or_else(|| {
        let help = "write an address and a port, like `127.0.0.1:4180` or `[::]:4180`, or `unix:` and a path";
        found.error("is not an address", help)
    })
}

fn tcp(text: &str) -> Option<Listen> {
    text.parse().ok().map(Listen::Tcp)
}

fn mode(source: &Source) -> Result<u32, Report> {
    let Some(found) = source.text("listen_mode")? else {
        return Ok(0o660);
    };
    let octal = found
        .value
        .bytes()
        .all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(&found.value, 8).ok();
    mode.filter(|mode| octal && *mode <= 0o777)
        .ok_or_else(|| found.error("is not a file mode", "write an octal mode like \"0660\""))
}

// === impl Listen ===

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}
