//! Secret texts, and the file of the client secret.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use crate::files;

/// How long a client secret may be, in bytes.
const MAX_BYTES: usize = 4096;

/// A text that must not be logged: it has no `Display`, its `Debug` is redacted, and its memory is
/// wiped on drop.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

/// The client secret, with the current content of its file.
#[derive(Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
    last_good: ArcSwap<Secret>,
}

/// Why a file has no usable client secret.
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

    /// The text, where it must be used.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Compares with `text` in constant time.
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

    /// The current secret of the file, or the last good one, so that an unfinished edit keeps what
    /// worked.
    pub(super) fn current(&self) -> Arc<Secret> {
        match read(&self.path) {
            Ok(secret) => self.last_good.store(Arc::new(secret)),
            Err(error) => {
                tracing::warn!(%error, "client secret not reloaded; the last one stays in use")
            }
        }
        self.last_good.load_full()
    }
}

/// The content of a file, without the line break at its end.
fn read(path: &Path) -> Result<Secret, SecretFileError> {
    let error = |why: &str| SecretFileError {
        path: path.to_path_buf(),
        why: why.to_owned(),
    };
    let bytes = files::read(path).map_err(|cause| error(&cause.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| error("not a text in UTF-8"))?;
    let secret = Secret(text);
    let trimmed = secret.expose().trim_end_matches(['\r', '\n']);
    if trimmed.is_empty() {
        return Err(error("empty; expected the client secret"));
    }
    if trimmed.len() > MAX_BYTES || trimmed.contains(char::is_control) {
        return Err(error(
            "not a client secret: too long, or more than one line",
        ));
    }
    Ok(Secret::new(trimmed))
}
