//! Listening sockets.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::config::Listen;
use crate::document::Report;

use super::peer::Peer;

/// How many connections may wait to be accepted: as many as NGINX and others may open at once. The default
/// of 128 is too few, and the next connection then waits for a second.
const BACKLOG: u32 = 1024;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    /// On an address and a port.
    Tcp(TcpListener),
    /// On a path, whose socket is removed when this is dropped.
    Unix(UnixListener, RemoveOnDrop),
}

/// A stream to a client.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The path of a socket, which is removed when this is dropped, unless something else is there by then.
#[derive(Debug)]
pub(crate) struct RemoveOnDrop {
    path: PathBuf,
    socket: FileId,
}

/// The device and the inode of a file.
type FileId = (u64, u64);

impl Listener {
    /// Starts to listen.
    pub(crate) async fn bind(listen: &Listen) -> Result<Self, Report> {
        let bound = Self::try_bind(listen).await;
        bound.map_err(|error| Self::report(listen, &error))
    }

    /// The same, with the kind of the error.
    pub(crate) async fn try_bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => tcp(*address).map(Self::Tcp),
            Listen::Unix { path, mode } => unix(path, *mode).await,
        }
    }

    /// The report of an error of [`Self::try_bind`].
    pub(crate) fn report(listen: &Listen, error: &io::Error) -> Report {
        let help = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                "remove it if nothing needs it, or use another path for the socket"
            }
            io::ErrorKind::AddrInUse => {
                "stop the process that listens there, or use another address"
            }
            io::ErrorKind::AddrNotAvailable => "use an address of this machine",
            io::ErrorKind::PermissionDenied => {
                "use a port from 1024, or a folder that this user can write to"
            }
            io::ErrorKind::NotFound => "create the folder of the socket",
            _ => "use another address",
        };
        Report::of(&listen.to_string(), &format!("can't listen: {error}"), help)
    }

    /// Its address, with the real port where port 0 was configured.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Unix(_, RemoveOnDrop { path, .. }) => format!("unix:{}", path.display()),
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

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A new process can listen while connections of the previous one are closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Replaces a stale socket of a previous process, but not one that is in use.
async fn unix(path: &Path, mode: u32) -> io::Result<Listener> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the path exists and is not a socket",
            ));
        }
        // Any other result, such as a full queue, does not show that nobody listens.
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            Ok(_) | Err(_) => return Err(io::ErrorKind::AddrInUse.into()),
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let remove = RemoveOnDrop {
        path: path.to_owned(),
        socket: file_id(path)?,
    };
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(Listener::Unix(listener, remove))
}

fn file_id(path: &Path) -> io::Result<FileId> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if file_id(&self.path).is_ok_and(|id| id == self.socket) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
