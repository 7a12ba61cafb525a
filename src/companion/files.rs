//! Files that the companion reads: how much of them, and who else may change them.

mod write_access;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

pub(crate) use write_access::{WriteAccess, Writer};

/// The maximum size of a file, in bytes.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// How an error shows the configured path of a file: only if something is there. The value may be the secret itself,
/// written in place of the path of its file.
pub(crate) fn shown(path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(_) => path.display().to_string(),
        Err(_) => "(the value is not shown, as it could be the secret itself)".to_owned(),
    }
}

/// The same where the error does not name the setting.
pub(crate) fn named(setting: &str, path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(_) => shown(path),
        Err(_) => format!("{setting}: {}", shown(path)),
    }
}

/// Reads a file of at most [`MAX_BYTES`]. A longer one is an error.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_bounded(open(path)?)
}

/// Opens a file. Anything else than a regular file is an error: opening a named pipe, for instance, blocks
/// until a program writes to it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        let message = "not a regular file";
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    }
    File::open(path)
}

/// Reads at most [`MAX_BYTES`]. More is an error.
pub(crate) fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = reader.take(MAX_BYTES as u64 + 1);
    reader.read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            "larger than 16 MiB",
        ));
    }
    Ok(bytes)
}

/// A warning about a secret file that every user may read. It is no error, because Kubernetes mounts Secrets
/// like that by default.
pub(crate) fn read_access_warning(path: &Path) -> io::Result<Option<String>> {
    let mode = fs::metadata(path)?.permissions().mode();
    let warning = "it is readable by every user; `chmod 600` it (in Kubernetes: `defaultMode: 0400` at the \
                   Secret's volume)";
    Ok((mode & 0o004 != 0).then(|| format!("{}: {warning}", path.display())))
}
