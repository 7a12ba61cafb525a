//! Files that are there whole or not at all: written beside their place, then moved into it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::bytes;

#[cfg(test)]
mod tests;

/// Reads a file of at most `most` bytes. `None`: there is no such file.
///
/// # Errors
/// Where it cannot be read, or is longer (`ErrorKind::FileTooLarge`).
pub(super) fn read(path: &Path, most: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let capacity = usize::try_from(length).map_or(most, |length| length.min(most));
    // All of it at once, because a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity + 1));
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(bytes))
}

/// Puts a file of this content where `path` says, for its owner's eyes alone (0600). When this
/// returns, the content is on the disk: either the old or the new file is there, whole, whatever
/// happens to the machine.
///
/// Where `path` is a symbolic link, the file that it leads to is replaced.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let place = match fs::canonicalize(path) {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let beside = beside(&place)?;
    let written = write_new(&beside, content).and_then(|()| fs::rename(&beside, &place));
    if let Err(error) = written {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // A rename is only on the disk once its folder is.
    File::open(folder(&place))?.sync_all()
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A name in the same folder that nobody else takes.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", bytes::encode(bytes::random::<9>())));
    Ok(path.with_file_name(hidden))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
