//! The database: one file, which one process has open.
//!
//! redb is used because it is a single file without a server, and a commit is atomic and on disk when it
//! returns. After an error of the file system, redb refuses all further use until it is opened again, so the
//! next operation does that. Every operation blocks.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use redb::backends::FileBackend;
use redb::{ReadTransaction, ReadableDatabase as _, WriteTransaction};

use crate::files::{self, WriteAccess};
use crate::session::revocations::{StateFileError, lock};
use crate::session::unavailable::Unavailable;

/// The maximum memory for pages of the file.
const CACHE_BYTES: usize = 32 << 20;

/// How to fix a database that can't be written.
pub(in crate::session::store) const UNWRITABLE_HELP: &str =
    "set `session.store` to `file:` and a file in a folder that this user can write to";

const INVALID_HELP: &str =
    "restore it from a backup, or move it away: then all users sign in again";

/// The database. It is closed after an error, and opened again by the next operation.
pub(super) struct Database {
    path: PathBuf,
    database: RwLock<Option<redb::Database>>,
    /// Held until this value is dropped, also while the database is closed.
    _lock: File,
    /// Makes the file fail.
    #[cfg(test)]
    pub(super) faults: super::tests::Faults,
}

impl Database {
    /// Opens a database, or creates one with mode 0600, and its folder if that is missing. A file that others may change is refused: they could
    /// restore a session that has ended, or remove a revocation.
    pub(super) fn open(path: &Path) -> Result<Self, StateFileError> {
        let unwritable = |error: &dyn fmt::Display| {
            StateFileError::new(path, format!("can't be opened: {error}"), UNWRITABLE_HELP)
        };
        create_folder(path).map_err(|error| unwritable(&error))?;
        let access = WriteAccess::of_others(path);
        if let Some(access) = access.map_err(|error| unwritable(&error))? {
            let help = format!(
                "{}; if sessions may have been changed, move the file away: then all users sign in again",
                access.help()
            );
            return Err(StateFileError::new(path, access.to_string(), help));
        }
        let database = Self {
            path: path.to_owned(),
            database: RwLock::new(None),
            _lock: lock(path, UNWRITABLE_HELP)?,
            #[cfg(test)]
            faults: super::tests::Faults::default(),
        };
        let opened = database.connect(true).map_err(|error| match error {
            redb::Error::Io(error) if !is_invalid(&error) => unwritable(&error),
            error => {
                let problem = format!("not a valid session store: {error}");
                StateFileError::new(path, problem, INVALID_HELP)
            }
        })?;
        *database.write_lock() = Some(opened);
        Ok(database)
    }

    /// Whether an operation can be tried without opening the file again.
    pub(super) fn is_open(&self) -> bool {
        self.read_lock().is_some()
    }

    /// Opens the database again, if an error has closed it.
    pub(super) fn reopen(&self) -> Result<(), Unavailable> {
        if self.is_open() {
            return Ok(());
        }
        let mut database = self.write_lock();
        if database.is_none() {
            let opened = self.connect(false).map_err(|error| self.failed(&error))?;
            *database = Some(opened);
            tracing::info!(path = %self.path.display(), "session store opened again after an error");
        }
        Ok(())
    }

    /// Reads a consistent state.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Unavailable> {
        self.run(|database| read(&database.begin_read()?))
    }

    /// Changes the database in one transaction, which is on disk when this returns `Ok`. One runs at a time.
    pub(super) fn write<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Unavailable> {
        self.run(|database| {
            let transaction = database.begin_write()?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        })
    }

    fn run<T>(
        &self,
        run: impl FnOnce(&redb::Database) -> Result<T, redb::Error>,
    ) -> Result<T, Unavailable> {
        self.reopen()?;
        let result = match &*self.read_lock() {
            Some(database) => run(database),
            // Another operation has failed since.
            None => return Err(Unavailable::new("the session store was just closed")),
        };
        result.map_err(|error| {
            *self.write_lock() = None;
            self.failed(&error)
        })
    }

    /// Opens the file. Where it is missing, it is created only at the start: later, an empty one would hide
    /// that sessions and revocations are lost.
    fn connect(&self, create: bool) -> Result<redb::Database, redb::Error> {
        if create {
            // Refuses a pipe, which would block.
            match files::open(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(redb::Error::Io(error));
                }
                Ok(_) | Err(_) => {}
            }
        }
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(create)
            .truncate(false);
        let file = options.mode(0o600).open(&self.path)?;
        let backend = FileBackend::new(file)?;
        #[cfg(test)]
        let backend = super::tests::FaultyBackend::new(backend, &self.faults);
        let mut builder = redb::Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        // A damaged file is then an error here and no panic later.
        builder.set_check_integrity_on_open(true);
        Ok(builder.create_with_backend(backend)?)
    }

    fn failed(&self, error: &redb::Error) -> Unavailable {
        Unavailable::new(format!("{}: {error}", self.path.display()))
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Option<redb::Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> std::sync::RwLockWriteGuard<'_, Option<redb::Database>> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Creates the folder of the file, with mode 0700, if it is missing. The root of a volume in Kubernetes is writable by a
/// group (`fsGroup`), so a file in it is refused, but not one in a folder below it.
fn create_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder != Path::new("") && !folder.exists() => {
            DirBuilder::new().mode(0o700).create(folder)
        }
        _ => Ok(()),
    }
}

/// Whether redb reports the content of the file by an error of the file system: it does so for a file of
/// another format, or one that was cut off.
fn is_invalid(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}
