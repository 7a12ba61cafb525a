//! What an operator should know about a store, without the effects that opening it has: a running companion may have
//! its files open.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use super::StoreSettings;
use super::file::UNWRITABLE_HELP as UNWRITABLE_DATABASE_HELP;
use super::redis::{RedisProbe, RedisStore};
use crate::document::Report;
use crate::files::{self, WriteAccess};
use crate::session::revocations::{RevocationState, StateFileError, UNWRITABLE_STATE_HELP};
use crate::session::{atomic_file, bytes};

#[cfg(test)]
mod tests;

/// How a database of redb begins.
const REDB_MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";

/// The file systems in memory, by the numbers of Linux: tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

const INVALID_HELP: &str =
    "restore it from a backup, or move it away, as the reference of the store says";

/// What was found out about a store.
#[derive(Debug)]
pub(crate) enum StoreProbe {
    /// A file that can be read and written.
    File(FileProbe),
    /// Redis or Valkey.
    Redis(RedisProbe),
}

/// The file of a store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FileProbe {
    pub(crate) path: PathBuf,
    /// Whether it is there; otherwise `serve` creates it.
    pub(crate) exists: bool,
    /// Whether its file system is in memory, so that it is lost in a restart.
    pub(crate) is_in_memory: bool,
    /// Who else may change it. `serve` refuses a database that others may change.
    pub(crate) access: Option<WriteAccess>,
}

impl StoreSettings {
    /// Looks at the store of the companion at this `sso.url`.
    ///
    /// # Errors
    /// A file that can't be read or written, that others may change, or with another content.
    pub(crate) async fn probe(&self, url: &str) -> Result<StoreProbe, Report> {
        match self {
            Self::Cookie { state_file } => Ok(StoreProbe::File(state(state_file)?)),
            Self::File { path } => Ok(StoreProbe::File(database(path)?)),
            Self::Redis(settings) => {
                let store = RedisStore::new(settings.clone(), url);
                Ok(StoreProbe::Redis(store.probe().await))
            }
        }
    }
}

/// The state file of the cookie store.
fn state(path: &Path) -> Result<FileProbe, StateFileError> {
    let content = atomic_file::read(path, RevocationState::MAX_BYTES)
        .map_err(|error| StateFileError::unreadable(path, &error))?;
    if let Some(content) = &content {
        RevocationState::parse(content).map_err(|error| {
            let problem = format!("not a valid state file: {error}");
            StateFileError::new(path, problem, INVALID_HELP)
        })?;
    }
    file(path, content.is_some(), UNWRITABLE_STATE_HELP)
}

/// The database of the file store.
fn database(path: &Path) -> Result<FileProbe, StateFileError> {
    let mut start = [0; REDB_MAGIC.len()];
    let read = files::open(path).and_then(|mut file| file.read_exact(&mut start));
    let exists = match read {
        Ok(()) if start == REDB_MAGIC => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(StateFileError::unreadable(path, &error));
        }
        Ok(()) | Err(_) => {
            let problem = "not a valid session store: not a database";
            return Err(StateFileError::new(path, problem, INVALID_HELP));
        }
    };
    let probe = file(path, exists, UNWRITABLE_DATABASE_HELP)?;
    match &probe.access {
        Some(access) => Err(StateFileError::new(path, access.to_string(), access.help())),
        None => Ok(probe),
    }
}

/// Checks who may write a file and its folder. `help` is about a folder that can't be written.
fn file(path: &Path, exists: bool, help: &str) -> Result<FileProbe, StateFileError> {
    let unwritable =
        |error: &io::Error| StateFileError::new(path, format!("can't be written: {error}"), help);
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // `serve` creates the folder if only that one is missing.
    let folder = match (folder.exists(), folder.parent()) {
        (false, Some(above)) if above != Path::new("") => above,
        (false, _) => Path::new("."),
        (true, _) => folder,
    };
    let access = WriteAccess::of_others(path).map_err(|error| unwritable(&error))?;
    // The mode does not say whether the file system is read-only or full.
    let name = format!(".portcullis-doctor.{}", bytes::encode(bytes::random::<9>()));
    let trial = folder.join(name);
    let written = files::create_private(&trial).and_then(|file| files::write_all(file, b"\n"));
    let removed = fs::remove_file(&trial);
    written.and(removed).map_err(|error| unwritable(&error))?;
    let kind = statfs(folder).map(|found| found.f_type as u64);
    Ok(FileProbe {
        path: path.to_owned(),
        exists,
        is_in_memory: kind.is_ok_and(|kind| IN_MEMORY.contains(&kind)),
        access,
    })
}
