//! The state of ended sessions in a file, for a companion that is the only one.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Mutex;

use super::state::{Ending, State};
use crate::document::Report;
use crate::session::unavailable::Unavailable;
use crate::session::whole_file;

#[cfg(test)]
mod tests;

/// A state file that this companion alone writes.
#[derive(Debug)]
pub(in crate::session) struct StateFile {
    path: PathBuf,
    current: ArcSwap<State>,
    writing: Mutex<()>,
    /// Held for as long as this lives.
    _lock: File,
}

/// Why a state file is of no use: the place, the problem and the mend.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StateFileError {
    path: PathBuf,
    problem: String,
    mend: &'static str,
}

impl StateFile {
    /// Takes a state file, and makes one where there is none: then what ended before is not known,
    /// and the file says since when it is. One that cannot be read is never taken for none, because
    /// that would forget who is signed out.
    pub(in crate::session) fn open(path: &Path, now: Timestamp) -> Result<Self, StateFileError> {
        let lock = lock(path)?;
        let current = match whole_file::read(path, State::MAX_BYTES) {
            Ok(Some(text)) => State::parse(&text).map_err(|error| {
                StateFileError::new(path, format!("this is no state file: {error}"), BROKEN)
            })?,
            Ok(None) => State::begin(now),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(StateFileError::new(
                    path,
                    "it is too long".to_owned(),
                    BROKEN,
                ));
            }
            Err(error) => {
                let mend = "let this user read it";
                return Err(StateFileError::new(
                    path,
                    format!("cannot be read: {error}"),
                    mend,
                ));
            }
        };
        // Also what was there is written, so that a place that cannot be written to is known now and
        // not at the first sign-out.
        whole_file::write(path, current.to_json().as_bytes())
            .map_err(|error| StateFileError::unwritable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            current: ArcSwap::from_pointee(current),
            writing: Mutex::new(()),
            _lock: lock,
        })
    }

    pub(in crate::session) fn state(&self) -> Arc<State> {
        self.current.load_full()
    }

    /// Notes that something ends. When this returns well, the disk has it.
    pub(in crate::session) async fn end(
        &self,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let _alone = self.writing.lock().await;
        let mut next = State::clone(&self.current.load());
        if !next.end(ending, now) {
            return Ok(false);
        }
        let (path, text) = (self.path.clone(), next.to_json());
        let written = tokio::task::spawn_blocking(move || {
            let written = whole_file::write(&path, text.as_bytes());
            written.map_err(|error| format!("{}: cannot be written: {error}", path.display()))
        });
        let written = written
            .await
            .map_err(|error| Unavailable::new(error.to_string()))?;
        written.map_err(Unavailable::new)?;
        self.current.store(Arc::new(next));
        Ok(true)
    }
}

const BROKEN: &str = "restore it from a backup, or move it away: sessions that began before now must then \
     prove themselves at their provider or sign in again";

/// Two companions with a file each in memory would forget what the other has ended.
fn lock(path: &Path) -> Result<File, StateFileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(PathBuf::from(name));
    let file = file.map_err(|error| StateFileError::unwritable(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateFileError::new(
            path,
            "another companion uses it".to_owned(),
            "stop the other one; several replicas need `session.store: redis://…`",
        )),
        Err(TryLockError::Error(error)) => Err(StateFileError::unwritable(path, &error)),
    }
}

// === impl StateFileError ===

impl StateFileError {
    fn new(path: &Path, problem: String, mend: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            problem,
            mend,
        }
    }

    fn unwritable(path: &Path, error: &io::Error) -> Self {
        let mend = "name a file in `session.state_file` whose folder this user can write to";
        Self::new(path, format!("cannot be written: {error}"), mend)
    }
}

impl fmt::Display for StateFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}: {}", self.path.display(), self.problem)?;
        write!(f, "mend: {}", self.mend)
    }
}

impl std::error::Error for StateFileError {}

impl From<StateFileError> for Report {
    fn from(error: StateFileError) -> Self {
        Self::of(
            &error.path.display().to_string(),
            &error.problem,
            error.mend,
        )
    }
}
