//! The side of the command.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use portcullis_core::timestamp::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{MAX_LINE, Request, Response, TIMEOUT};
use crate::session::RevocationTarget;

/// Why a companion has not revoked sessions.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The socket can't be used.
    #[error("the companion can't be reached: {0}")]
    Unreachable(io::Error),
    /// The process that listens is not the companion's.
    #[error("a process of another user (uid {0}) listens here")]
    OtherUser(u32),
    /// The companion closed the connection without a response, or its response is not one.
    #[error("no response from the companion: {0}")]
    NoResponse(io::Error),
    /// The companion could not do it.
    #[error("{0}")]
    Failed(String),
}

/// Asks the companion at this socket to revoke sessions. Returns when the revocation ends.
pub(crate) async fn call(path: &Path, target: &RevocationTarget) -> Result<Timestamp, CallError> {
    let stream = UnixStream::connect(path);
    let mut stream = stream.await.map_err(CallError::Unreachable)?;
    let peer = stream.peer_cred().map_err(CallError::Unreachable)?.uid();
    let own = rustix::process::geteuid().as_raw();
    if !is_trusted(peer, own, store_owner(path)) {
        return Err(CallError::OtherUser(peer));
    }
    let response = timeout(TIMEOUT, exchange(&mut stream, target)).await;
    let response = response.unwrap_or_else(|error| Err(error.into()));
    match response.map_err(CallError::NoResponse)? {
        Response::Revoked { ends } => Ok(Timestamp::from_secs(ends)),
        Response::Failed { problem } => Err(CallError::Failed(problem)),
    }
}

/// Whether a process of this user may say that sessions are revoked: the command's own user, root, and for root the
/// owner of the session store.
pub(super) fn is_trusted(peer: u32, own: u32, store_owner: Option<u32>) -> bool {
    peer == 0 || peer == own || own == 0 && Some(peer) == store_owner
}

/// The owner of the file that the socket is beside.
fn store_owner(socket: &Path) -> Option<u32> {
    let file = fs::metadata(socket.with_extension("")).ok()?;
    Some(file.uid())
}

async fn exchange(stream: &mut UnixStream, target: &RevocationTarget) -> io::Result<Response> {
    let mut line = serde_json::to_vec(&Request::Revoke(target.clone()))?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut response = String::new();
    let mut read = BufReader::new(stream.take(MAX_LINE));
    read.read_line(&mut response).await?;
    if response.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&response)?)
}

// === impl CallError ===

impl CallError {
    /// How to fix it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Unreachable(error) if error.kind() == ErrorKind::PermissionDenied => {
                "run this as the user of the companion"
            }
            Self::Unreachable(_) => {
                "run this where the companion runs, with its configuration: \
                 `kubectl exec deploy/portcullis -- portcullis revoke …`"
            }
            Self::OtherUser(_) => {
                "run this as the user of the companion, and check who else can write to the folder"
            }
            Self::NoResponse(_) => "see the companion's log, and run this again",
            Self::Failed(_) => "fix this, and run this again",
        }
    }
}
