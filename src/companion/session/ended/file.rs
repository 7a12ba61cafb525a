//! The state of ended sessions in a file, for a companion that is the only one.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Mutex;

use super::state::{Ending, State};
use crate::document::Report;
use crate::session::unavailable::Unavailable;
use crate::session::whole_file;

#[cfg(test)]
mod tests;

/// How long a start waits for another companion to end, and how often it looks.
const RESTART: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);

/// A state file that this companion alone writes.
#[derive(Debug)]
pub(in crate::session) struct StateFile {
    path: PathBuf,
    current: ArcSwap<State>,
    writing: Mutex<()>,
    /// Held for as long as this lives.
    _lock: File,
}

/// Why a state file is of no use: the place, the problem and how to fix it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StateFileError {
    path: PathBuf,
    problem: String,
    help: &'static str,
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
                let help = "let this user read it";
                return Err(StateFileError::new(
                    path,
                    format!("cannot be read: {error}"),
                    help,
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
    let patience = Instant::now() + RESTART;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Whoever restarts a companion may be quicker than the old one's end.
            Err(TryLockError::WouldBlock) if Instant::now() < patience => thread::sleep(LOOK),
            Err(TryLockError::WouldBlock) => {
                let help = "stop the other one; several replicas need `session.store: redis://…`";
                let problem = "another companion uses it".to_owned();
                return Err(StateFileError::new(path, problem, help));
            }
            Err(TryLockError::Error(error)) => {
                return Err(StateFileError::unwritable(path, &error));
            }
        }
    }
}

// === impl StateFileError ===

impl StateFileError {
    fn new(path: &Path, problem: String, help: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            problem,
            help,
        }
    }

    fn unwritable(path: &Path, error: &io::Error) -> Self {
        let help = "name a file in `session.state_file` whose folder this user can write to";
        Self::new(path, format!("cannot be written: {error}"), help)
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
            error.help,
        )
    }
}
