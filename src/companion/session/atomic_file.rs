//! Files that are replaced atomically: written under a temporary name, then renamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::bytes;
use crate::files;

#[cfg(test)]
mod tests;

/// Reads a file of at most `max` bytes. `None` if it does not exist.
///
/// # Errors
/// If it can't be read, or is longer (`ErrorKind::FileTooLarge`).
pub(super) fn read(path: &Path, max: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let capacity = usize::try_from(length).map_or(max, |length| length.min(max));
    // Allocated at once, because a growing vector leaves copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity + 1));
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(bytes))
}

/// Replaces a file, with mode 0600. When this returns, the content is on disk. After a crash either
/// the old or the new file is complete.
///
/// If `path` is a symbolic link, its target is replaced. Anything else than a regular file, such as a device or a
/// socket, is never replaced.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = match fs::canonicalize(path) {
        Ok(target) if fs::symlink_metadata(&target)?.is_file() => target,
        Ok(_) => {
            let message = "not a regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        // A symbolic link to a missing file is kept as well.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            path.to_owned()
        }
        Err(error) => return Err(error),
    };
    let temporary = temporary_name(&target)?;
    let file = files::create_private(&temporary)?;
    let written = files::write_all(file, content).and_then(|()| fs::rename(&temporary, &target));
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    // A rename is durable only once its folder is synced.
    File::open(folder(&target))?.sync_all()
}

/// A unique name in the same folder.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", bytes::encode(bytes::random::<9>())));
    Ok(path.with_file_name(hidden))
}

/// Locks the folder of a file until the result is dropped, so that programs which read the file and then replace it
/// do so one after the other.
pub(super) fn lock_folder(path: &Path) -> io::Result<File> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = File::open(folder(&target))?;
    match folder.lock() {
        // Some network file systems have no locks.
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(folder),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
