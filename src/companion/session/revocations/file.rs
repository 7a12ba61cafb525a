//! The state file: the revocation list on disk, for a single replica.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Mutex;

use super::{RevocationBatch, RevocationState};
use crate::document::Report;
use crate::session::atomic_file;
use crate::session::unavailable::Unavailable;

#[cfg(test)]
mod tests;

/// How long the companion waits at its start for another one that is stopping to release the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it tries to take the lock.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A state file that only this companion writes.
#[derive(Debug)]
pub(in crate::session) struct StateFile {
    path: PathBuf,
    current: Arc<ArcSwap<RevocationState>>,
    write_lock: Arc<Mutex<()>>,
    /// Held until this value is dropped.
    _lock: File,
}

/// Why a state file, or the file of a session store, can't be used: the path, the problem and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StateFileError {
    path: PathBuf,
    problem: String,
    help: String,
}

impl StateFile {
    /// Opens a state file, or creates one. A new file records since when the list is complete. A file that
    /// can't be read is an error and is never replaced, because that would lose revocations.
    pub(in crate::session) fn open(path: &Path, now: Timestamp) -> Result<Self, StateFileError> {
        let lock = lock(path, UNWRITABLE_HELP)?;
        let current = match atomic_file::read(path, RevocationState::MAX_BYTES) {
            Ok(Some(text)) => RevocationState::parse(&text).map_err(|error| {
                StateFileError::new(
                    path,
                    format!("not a valid state file: {error}"),
                    INVALID_HELP,
                )
            })?,
            Ok(None) => RevocationState::new(now),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(StateFileError::new(
                    path,
                    "too long for a state file".to_owned(),
                    INVALID_HELP,
                ));
            }
            Err(error) => return Err(StateFileError::unreadable(path, &error)),
        };
        // An existing file is written too, so that a read-only path fails at the start and not at
        // the first sign-out.
        atomic_file::write(path, current.to_json().as_bytes())
            .map_err(|error| StateFileError::unwritable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            current: Arc::new(ArcSwap::from_pointee(current)),
            write_lock: Arc::default(),
            _lock: lock,
        })
    }

    /// The current list.
    pub(in crate::session) fn state(&self) -> Arc<RevocationState> {
        self.current.load_full()
    }

    /// Adds revocations. They are on disk when this returns `Ok`. `Ok(false)` if the logout token of the
    /// batch was used before.
    ///
    /// It is completed even if the caller is cancelled, because its client has disconnected: what is on disk
    /// must be in force, and the next write must contain it.
    pub(in crate::session) async fn revoke(
        &self,
        batch: &RevocationBatch,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let guard = Arc::clone(&self.write_lock).lock_owned().await;
        let mut next = RevocationState::clone(&self.current.load());
        if !next.apply(batch, now) {
            return Ok(false);
        }
        let (path, current) = (self.path.clone(), Arc::clone(&self.current));
        let written = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            let written = atomic_file::write(&path, next.to_json().as_bytes());
            written.map_err(|error| format!("{}: can't be written: {error}", path.display()))?;
            current.store(Arc::new(next));
            Ok(())
        });
        let written = written
            .await
            .map_err(|error| Unavailable::new(error.to_string()))?;
        written.map_err(|error: String| Unavailable::new(error))?;
        Ok(true)
    }
}

const INVALID_HELP: &str = "restore it from a backup, or move it away: then all present sessions must be refreshed at their \
     provider, or their users sign in again";

/// How to fix a state file that can't be written.
pub(in crate::session) const UNWRITABLE_HELP: &str =
    "set `session.state_file` to a file in a folder that this user can write to";

/// Takes the lock of a file that only one companion may use, until the result is dropped. Two companions with
/// one file would lose each other's revocations. `help` is about a folder that can't be written.
///
/// The lock is beside the file itself, also where `path` is a symbolic link to it. A file with several names is an
/// error, because it would have several locks.
pub(in crate::session) fn lock(path: &Path, help: &'static str) -> Result<File, StateFileError> {
    let unwritable =
        |error: &io::Error| StateFileError::new(path, format!("can't be written: {error}"), help);
    let target = resolved(path).map_err(|error| unwritable(&error))?;
    if fs::metadata(&target).is_ok_and(|metadata| metadata.nlink() > 1) {
        let help = "remove the other names of the file, so that no other companion can use it by one of them";
        let problem = "has several names (hard links)".to_owned();
        return Err(StateFileError::new(path, problem, help));
    }
    let mut name = target.into_os_string();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(PathBuf::from(name));
    let file = file.map_err(|error| unwritable(&error))?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // After a restart the old process may still be stopping.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(POLL_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => {
                let help =
                    "stop the other companion; several replicas need `session.store: redis://…`";
                let problem = "in use by another companion".to_owned();
                return Err(StateFileError::new(path, problem, help));
            }
            Err(TryLockError::Error(error)) => {
                return Err(unwritable(&error));
            }
        }
    }
}

/// The path without symbolic links, also of a file that does not exist yet.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match (fs::canonicalize(path), path.file_name()) {
        (Err(error), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            let folder = fs::canonicalize(folder.unwrap_or_else(|| Path::new(".")))?;
            Ok(folder.join(name))
        }
        (resolved, _) => resolved,
    }
}

// === impl StateFileError ===

impl StateFileError {
    pub(in crate::session) fn new(
        path: &Path,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.into(),
            help: help.into(),
        }
    }

    pub(in crate::session) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let help = "allow this user to read it";
        Self::new(path, format!("can't be read: {error}"), help)
    }

    pub(in crate::session) fn unwritable(path: &Path, error: &io::Error) -> Self {
        Self::new(path, format!("can't be written: {error}"), UNWRITABLE_HELP)
    }
}

impl fmt::Display for StateFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}: {}", self.path.display(), self.problem)?;
        write!(f, "help: {}", self.help)
    }
}

impl std::error::Error for StateFileError {}

impl From<StateFileError> for Report {
    fn from(error: StateFileError) -> Self {
        Self::of(
            &error.path.display().to_string(),
            &error.problem,
            &error.help,
        )
    }
}
