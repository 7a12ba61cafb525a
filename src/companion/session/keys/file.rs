//! The key file, which `portcullis session-keys` writes and `portcullis serve` reads.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Key, Keys};
use crate::document::Report;
use crate::files::{self, WriteAccess};
use crate::session::secret::SecretKey;
use crate::session::{atomic_file, format_version};

#[cfg(test)]
mod tests;

/// The maximum number of keys in a file. The oldest are removed.
const MAX_KEYS: usize = 8;

/// How long a new key is published and accepted before it signs and seals, so that replicas and
/// filters that read it at different times agree.
const PUBLISH_BEFORE_USE: Duration = Duration::from_secs(600);

/// The maximum size of a key file, in bytes. Eight keys need less.
const MAX_BYTES: usize = 16 * 1024;

/// The version of the format.
const VERSION: u32 = 1;

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
    #[serde(rename = "made")]
    pub(super) created: u64,
    pub(super) use_after: u64,
    pub(super) sealing: SecretKey,
    pub(super) signing: SecretKey,
}

/// Why a key file can't be used: the path, the problem and how to fix it. It never contains the content of
/// the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyFileError {
    path: PathBuf,
    problem: String,
    help: String,
}

/// What was done to a key file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyFileChange {
    /// It was created. Its first key is used at once.
    Created,
    /// A new key was added.
    Rotated {
        /// How many keys the file holds now.
        keys: usize,
        /// When the new key begins to sign and seal.
        use_after: Timestamp,
    },
    /// The newest key is not used yet, so nothing was changed.
    Pending {
        /// When it begins to sign and seal.
        use_after: Timestamp,
    },
}

/// Creates a key file, or adds a new key to it. No key is added before the last one is in use: several in a
/// row would remove the key that all sessions are sealed with.
pub(crate) fn make_or_rotate(path: &Path, now: Timestamp) -> Result<KeyFileChange, KeyFileError> {
    refuse_write_access(path)?;
    // Two init containers of one volume may run at once.
    let _lock =
        atomic_file::lock_folder(path).map_err(|error| KeyFileError::unwritable(path, &error))?;
    let (document, change) = match read(path)? {
        None => (Document::new(now), KeyFileChange::Created),
        Some(mut document) => {
            if let Some(use_after) = document.pending(now) {
                return Ok(KeyFileChange::Pending { use_after });
            }
            let use_after = document.rotate(now);
            let keys = document.keys.len();
            (document, KeyFileChange::Rotated { keys, use_after })
        }
    };
    atomic_file::write(path, &document.text())
        .map_err(|error| KeyFileError::unwritable(path, &error))?;
    Ok(change)
}

/// Reads the keys of a file, and a warning about its permissions.
pub(super) fn load(path: &Path) -> Result<(Keys, Option<String>), KeyFileError> {
    let document = read(path)?.ok_or_else(|| {
        let problem = "file not found";
        KeyFileError::new(
            path,
            problem,
            "create it with `portcullis session-keys --out FILE`",
        )
    })?;
    refuse_write_access(path)?;
    let warning = files::read_access_warning(path);
    let warning = warning.map_err(|error| KeyFileError::unreadable(path, &error))?;
    let keys = document.keys().ok_or_else(|| {
        KeyFileError::invalid(path, "a signing key is not a valid P-256 private key")
    })?;
    Ok((keys, warning))
}

fn read(path: &Path) -> Result<Option<Document>, KeyFileError> {
    let text = match atomic_file::read(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            return Err(KeyFileError::invalid(path, "the file is too long"));
        }
        Err(error) => return Err(KeyFileError::unreadable(path, &error)),
    };
    let Some(text) = text else { return Ok(None) };
    format_version::expect(VERSION, &text)
        .map_err(|problem| KeyFileError::invalid(path, &problem))?;
    // Serde's message may quote a key.
    let document: Document = serde_json::from_slice(&text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        KeyFileError::invalid(path, &format!("invalid JSON at {at}"))
    })?;
    document
        .check()
        .map_err(|problem| KeyFileError::invalid(path, problem))?;
    Ok(Some(document))
}

/// Write access to the file, or to its folder, allows signing in as anybody.
fn refuse_write_access(path: &Path) -> Result<(), KeyFileError> {
    let access = WriteAccess::of_others(path);
    match access.map_err(|error| KeyFileError::unreadable(path, &error))? {
        Some(access) => Err(KeyFileError {
            path: path.to_owned(),
            problem: access.to_string(),
            help: format!(
                "{}; if the keys may have been replaced, move the file away and create new ones",
                access.help()
            ),
        }),
        None => Ok(()),
    }
}

// === impl Document ===

impl Document {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            version: VERSION,
            handle: SecretKey::random(),
            keys: vec![Entry::new(now, now)],
        }
    }

    /// When the newest key begins to be used, if it is not used yet.
    fn pending(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = self.keys.first()?;
        let use_after = Timestamp::from_secs(newest.use_after);
        (now < use_after).then_some(use_after)
    }

    /// Adds a new key, and returns when it begins to be used.
    pub(super) fn rotate(&mut self, now: Timestamp) -> Timestamp {
        let use_after = now.after(PUBLISH_BEFORE_USE);
        self.keys.truncate(MAX_KEYS - 1);
        self.keys.insert(0, Entry::new(now, use_after));
        use_after
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.keys.is_empty() {
            return Err("the file has no key");
        }
        if self.keys.len() > MAX_KEYS {
            return Err("the file has more than eight keys");
        }
        Ok(())
    }

    fn text(&self) -> Zeroizing<Vec<u8>> {
        // The longest a file may be, because a growing vector leaves copies of keys behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        // Numbers and text into a vector: this can't fail.
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

    /// A file that was created and then rotated at these seconds of the tests' time.
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
    fn new(created: Timestamp, use_after: Timestamp) -> Self {
        Self {
            created: created.secs(),
            use_after: use_after.secs(),
            sealing: SecretKey::random(),
            signing: Key::random_scalar(),
        }
    }
}

// === impl KeyFileError ===

impl KeyFileError {
    fn new(path: &Path, problem: &str, help: &str) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.to_owned(),
            help: help.to_owned(),
        }
    }

    fn invalid(path: &Path, problem: &str) -> Self {
        let problem = format!("not a valid key file: {problem}");
        Self::new(path, &problem, "name another file, or move this one away")
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        let problem = format!("can't be read: {error}");
        Self::new(path, &problem, "allow this user to read it")
    }

    fn unwritable(path: &Path, error: &io::Error) -> Self {
        let problem = format!("can't be written: {error}");
        Self::new(
            path,
            &problem,
            "name a file in a folder that this user can write to",
        )
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.path.display().to_string();
        Report::of(&name, &self.problem, &self.help).fmt(f)
    }
}

impl std::error::Error for KeyFileError {}

impl From<KeyFileError> for Report {
    fn from(error: KeyFileError) -> Self {
        let name = files::named("session.keys_file", &error.path);
        Self::of(&name, &error.problem, &error.help)
    }
}
