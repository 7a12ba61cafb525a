//! Texts that must not be seen, and the file that the client's own secret comes from.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// How long a client secret may be, in bytes.
const MAX_BYTES: usize = 4096;

/// A text that nobody may read in a log: it has no Display, its Debug says nothing, and its memory
/// is wiped when it goes.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

/// The client's secret at the provider, as its file has it now.
#[derive(Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
    last_good: ArcSwap<Secret>,
}

/// Why a file holds no secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub(crate) struct SecretFileError {
    path: PathBuf,
    why: String,
}

// === impl Secret ===

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for where it has to be used.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is `text`, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

// === impl SecretFile ===

impl SecretFile {
    /// Reads the file for the first time.
    pub(super) fn open(path: &Path) -> Result<Self, SecretFileError> {
        Ok(Self {
            path: path.to_path_buf(),
            last_good: ArcSwap::from_pointee(read(path)?),
        })
    }

    /// The secret as the file has it now, or as it had it last where it has none now, so that an
    /// edit half done keeps what worked.
    pub(super) fn current(&self) -> Arc<Secret> {
        match read(&self.path) {
            Ok(secret) => self.last_good.store(Arc::new(secret)),
            Err(error) => tracing::warn!(%error, "the client secret stays as it was"),
        }
        self.last_good.load_full()
    }
}

/// The content of a file, without the line break that editors put at its end.
fn read(path: &Path) -> Result<Secret, SecretFileError> {
    let fault = |why: &str| SecretFileError {
        path: path.to_path_buf(),
        why: why.to_owned(),
    };
    let text = fs::read_to_string(path).map_err(|error| fault(&error.to_string()))?;
    let secret = Secret(text);
    let trimmed = secret.expose().trim_end_matches(['\r', '\n']);
    if trimmed.is_empty() {
        return Err(fault("it is empty; it must hold the client secret"));
    }
    if trimmed.len() > MAX_BYTES || trimmed.contains(char::is_control) {
        return Err(fault("it is no client secret: too long, or not one line"));
    }
    Ok(Secret::new(trimmed))
}
