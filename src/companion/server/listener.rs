//! Sockets that connections come in by.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::Listen;
use crate::document::Report;

use super::peer::Peer;

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    /// On an address and a port.
    Tcp(TcpListener),
    /// On a path, which is removed when this ends.
    Unix(UnixListener, Removed),
}

/// A stream to somebody.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A path that is removed when this ends.
#[derive(Debug)]
pub(crate) struct Removed(PathBuf);

impl Listener {
    /// Begins to listen.
    pub(crate) async fn bind(listen: &Listen) -> Result<Self, Report> {
        let bound = match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Listen::Unix { path, mode } => unix(path, *mode).await,
        };
        bound.map_err(|error| {
            let help = match error.kind() {
                io::ErrorKind::AddrInUse => "end what listens there, or give another address",
                io::ErrorKind::AddrNotAvailable => "give an address that this machine has",
                io::ErrorKind::PermissionDenied => {
                    "give a port from 1024, or a folder of this user's"
                }
                io::ErrorKind::NotFound => "make the folder that the socket is to be in",
                _ => "give another address",
            };
            Report::of(
                &listen.to_string(),
                &format!("cannot listen: {error}"),
                help,
            )
        })
    }

    /// Where it listens: the port is the real one where any was asked for.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Unix(_, Removed(path)) => format!("unix:{}", path.display()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Peer::Address(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::Unix))
            }
        }
    }
}

/// A socket that a companion before us left behind is in the way, one that is in use is not ours.
async fn unix(path: &Path, mode: u32) -> io::Result<Listener> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file is there",
            ));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(Listener::Unix(listener, Removed(path.to_owned())))
}

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
