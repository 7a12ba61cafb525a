//! Files that the companion reads, how much of them, and who else may change them; and files that it creates.

mod write_access;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
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

/// Creates a file that only its owner may read. One that exists is an error, and not touched.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// Writes the whole content of a new file to disk.
pub(crate) fn write_all(mut file: File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
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

/// Passes each line of a log of any length to `read`: of a file or a pipe, or of standard input where the path is `-`. A line of
/// more than `max` bytes is passed in parts, and bytes that are not UTF-8 are replaced.
pub(crate) fn each_line(path: &Path, max: u64, read: impl FnMut(&str)) -> io::Result<()> {
    if path == Path::new("-") {
        each_line_of(io::stdin().lock(), max, read)
    } else {
        each_line_of(BufReader::new(File::open(path)?), max, read)
    }
}

/// The same for what a reader has.
pub(crate) fn each_line_of(
    mut log: impl BufRead,
    max: u64,
    mut read: impl FnMut(&str),
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.by_ref().take(max).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        read(&String::from_utf8_lossy(&line));
    }
}

/// A warning about a secret file that every user may read. It is no error, because Kubernetes mounts Secrets
/// like that by default.
pub(crate) fn read_access_warning(path: &Path) -> io::Result<Option<String>> {
    let mode = fs::metadata(path)?.permissions().mode();
    let warning = "it is readable by every user; `chmod 600` it (in Kubernetes: `defaultMode: 0400` at the \
                   Secret's volume)";
    Ok((mode & 0o004 != 0).then(|| format!("{}: {warning}", path.display())))
}
