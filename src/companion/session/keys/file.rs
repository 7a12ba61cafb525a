//! The key file: what `portcullis session-keys` writes and `portcullis serve` reads.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Key, Keys};
use crate::document::Report;
use crate::session::secret::SecretKey;
use crate::session::whole_file;

#[cfg(test)]
mod tests;

/// How many keys a file holds at most. The oldest go.
const MAX_KEYS: usize = 8;

/// How long a fresh key is published and accepted before it signs and seals, so that replicas and
/// filters which read it at different times agree.
const SETTLE: Duration = Duration::from_secs(600);

/// The longest key file that is read, in bytes. Eight keys are shorter.
const MAX_BYTES: usize = 16 * 1024;

/// The key file, as JSON.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    version: u32,
    pub(super) handle: SecretKey,
    /// Newest first.
    pub(super) keys: Vec<Entry>,
}

/// One key of the file. Times are seconds since the Unix epoch.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) made: u64,
    pub(super) use_after: u64,
    pub(super) sealing: SecretKey,
    pub(super) signing: SecretKey,
}

/// Why a key file is of no use: the place, the problem and how to fix it, and nothing of its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyFileError {
    path: PathBuf,
    problem: String,
    help: &'static str,
}

/// What a key file came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Written {
    /// There was none. Its first key is used at once.
    Made,
    /// A fresh key stands before those that were there, and is used from this moment on.
    Rotated {
        /// How many keys the file holds now.
        keys: usize,
        /// When the fresh key begins to sign and seal.
        use_after: Timestamp,
    },
    /// The newest key is not used yet, and nothing is done.
    Waits {
        /// When it begins to sign and seal.
        use_after: Timestamp,
    },
}

/// Makes a key file, or puts a fresh key in front of those that are there. Not before the last one is
/// used: a few in a row would push out the one that all sessions are sealed with.
pub(crate) fn make_or_rotate(path: &Path, now: Timestamp) -> Result<Written, KeyFileError> {
    let (document, written) = match read(path)? {
        None => (Document::new(now), Written::Made),
        Some(mut document) => {
            if let Some(use_after) = document.waits(now) {
                return Ok(Written::Waits { use_after });
            }
            let use_after = document.rotate(now);
            let keys = document.keys.len();
            (document, Written::Rotated { keys, use_after })
        }
    };
    whole_file::write(path, &document.text())
        .map_err(|error| KeyFileError::unwritable(path, &error))?;
    Ok(written)
}

/// Reads the keys of a file. Beside them, what is doubtful about it though it can be used.
pub(super) fn load(path: &Path) -> Result<(Keys, Option<String>), KeyFileError> {
    let document = read(path)?.ok_or_else(|| {
        let problem = "there is no such file";
        KeyFileError::new(
            path,
            problem,
            "make it with `portcullis session-keys --out FILE`",
        )
    })?;
    let doubt = permissions(path)?;
    let keys = document.keys().ok_or_else(|| {
        KeyFileError::no_key_file(path, "a signing key is no number of the curve P-256")
    })?;
    Ok((keys, doubt))
}

fn read(path: &Path) -> Result<Option<Document>, KeyFileError> {
    let text = match whole_file::read(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            return Err(KeyFileError::no_key_file(path, "it is too long"));
        }
        Err(error) => return Err(KeyFileError::unreadable(path, &error)),
    };
    let Some(text) = text else { return Ok(None) };
    // Serde's message may quote what it met, and that may be a key.
    let document: Document = serde_json::from_slice(&text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        KeyFileError::no_key_file(path, &format!("it is not read beyond {at}"))
    })?;
    document
        .check()
        .map_err(|problem| KeyFileError::no_key_file(path, problem))?;
    Ok(Some(document))
}

/// Whoever can write the file can sign in as anybody, and whoever can read it nearly so. Readers
/// are only warned of, because Kubernetes mounts a Secret for all to read unless told otherwise.
fn permissions(path: &Path) -> Result<Option<String>, KeyFileError> {
    let metadata = fs::metadata(path).map_err(|error| KeyFileError::unreadable(path, &error))?;
    let mode = metadata.permissions().mode();
    if mode & 0o002 != 0 {
        let problem = "every user of this machine can write it";
        return Err(KeyFileError::new(
            path,
            problem,
            "chmod 600 it, and make fresh keys",
        ));
    }
    let doubt = "every user of this machine can read it; chmod 600 it (in Kubernetes: \
                 `defaultMode: 0400` at the Secret's volume)";
    Ok((mode & 0o004 != 0).then(|| format!("{}: {doubt}", path.display())))
}

// === impl Document ===

impl Document {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            version: 1,
            handle: SecretKey::random(),
            keys: vec![Entry::new(now, now)],
        }
    }

    /// When the newest key begins to be used, where that is still to come.
    fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = self.keys.first()?;
        let use_after = Timestamp::from_secs(newest.use_after);
        (now < use_after).then_some(use_after)
    }

    /// Puts a fresh key in front, and returns when it begins to be used.
    pub(super) fn rotate(&mut self, now: Timestamp) -> Timestamp {
        let use_after = now.after(SETTLE);
        self.keys.truncate(MAX_KEYS - 1);
        self.keys.insert(0, Entry::new(now, use_after));
        use_after
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.version != 1 {
            return Err("it is of a version that is not known here");
        }
        if self.keys.is_empty() {
            return Err("there is no key in it");
        }
        if self.keys.len() > MAX_KEYS {
            return Err("it holds more than eight keys");
        }
        Ok(())
    }

    fn text(&self) -> Zeroizing<Vec<u8>> {
        // As much as a file may ever be, because a vector that grows leaves copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        // Nothing in it can fail to be written: it is numbers and text, and a vector takes it all.
        let _ = serde_json::to_writer_pretty(&mut *text, self);
        text.push(b'\n');
        text
    }

    pub(super) fn keys(&self) -> Option<Keys> {
        let (newest, older) = self.keys.split_first()?;
        Some(Keys {
            handle: self.handle.clone(),
            newest: Key::new(newest)?,
            older: older.iter().map(Key::new).collect::<Option<_>>()?,
        })
    }

    /// A file that was made and then rotated at these seconds of the tests' time.
    #[cfg(test)]
    pub(super) fn rotated(times: &[u64]) -> Self {
        use crate::session::fixtures::at;
        let mut document = Self::new(at(times[0]));
        for time in &times[1..] {
            document.rotate(at(*time));
        }
        document
    }
}

// === impl Entry ===

impl Entry {
    fn new(made: Timestamp, use_after: Timestamp) -> Self {
        Self {
            made: made.secs(),
            use_after: use_after.secs(),
            sealing: SecretKey::random(),
            signing: Key::random_scalar(),
        }
    }
}

// === impl KeyFileError ===

impl KeyFileError {
    fn new(path: &Path, problem: &str, help: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.to_owned(),
            help,
        }
    }

    fn no_key_file(path: &Path, problem: &str) -> Self {
        let problem = format!("this is no key file: {problem}");
        Self::new(
            path,
            &problem,
            "name another file, or move this one out of the way",
        )
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        let problem = format!("cannot be read: {error}");
        Self::new(path, &problem, "let this user read it")
    }

    fn unwritable(path: &Path, error: &io::Error) -> Self {
        let problem = format!("cannot be written: {error}");
        Self::new(
            path,
            &problem,
            "name a file in a folder that this user can write to",
        )
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}: {}", self.path.display(), self.problem)?;
        write!(f, "help: {}", self.help)
    }
}

impl std::error::Error for KeyFileError {}

impl From<KeyFileError> for Report {
    fn from(error: KeyFileError) -> Self {
        Self::of(
            &error.path.display().to_string(),
            &error.problem,
            error.help,
        )
    }
}
