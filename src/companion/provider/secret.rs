//! Secret texts, and the file of a client secret or a client assertion.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use crate::files;

/// How long a client secret or an assertion may be, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// A text that must not be logged: it has no `Display`, its `Debug` is redacted, and its memory is
/// wiped on drop.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

/// A client secret or a client assertion, with the current content of its file.
#[derive(Debug)]
pub(super) struct SecretFile {
    kind: SecretKind,
    path: PathBuf,
    last_good: ArcSwap<Secret>,
}

/// What a file contains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SecretKind {
    /// A JWT that authenticates the client.
    Assertion,
    /// A client secret.
    Secret,
}

/// Why a file has no usable secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}: {why}", files::shown(.path))]
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
    pub(super) fn open(kind: SecretKind, path: &Path) -> Result<Self, SecretFileError> {
        Ok(Self {
            kind,
            path: path.to_path_buf(),
            last_good: ArcSwap::from_pointee(read(kind, path)?),
        })
    }

    /// The current secret of the file, or the last good one, so that an unfinished edit keeps what
    /// worked.
    pub(super) fn current(&self) -> Arc<Secret> {
        match read(self.kind, &self.path) {
            Ok(secret) => self.last_good.store(Arc::new(secret)),
            Err(error) => {
                let kind = self.kind.name();
                tracing::warn!(%error, "{kind} not reloaded; the last one stays in use")
            }
        }
        self.last_good.load_full()
    }
}

// === impl SecretKind ===

impl SecretKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Assertion => "client assertion",
            Self::Secret => "client secret",
        }
    }

    /// Whether a text of one line may be one.
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Assertion => {
                let mut parts = text.split('.');
                let is_base64url =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                text.matches('.').count() == 2
                    && parts.all(|part| !part.is_empty() && part.bytes().all(is_base64url))
            }
            Self::Secret => !text.contains(char::is_control),
        }
    }
}

/// The content of a file, without the line break at its end.
fn read(kind: SecretKind, path: &Path) -> Result<Secret, SecretFileError> {
    let error = |why: String| SecretFileError {
        path: path.to_path_buf(),
        why,
    };
    let bytes = files::read(path).map_err(|cause| error(cause.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| error("not a text in UTF-8".to_owned()))?;
    let (secret, name) = (Secret(text), kind.name());
    let trimmed = secret.expose().trim_end_matches(['\r', '\n']);
    if trimmed.is_empty() {
        return Err(error(format!("empty; expected the {name}")));
    }
    if trimmed.len() > MAX_BYTES || !kind.fits(trimmed) {
        return Err(error(match kind {
            SecretKind::Assertion => "not a signed JWT, which a client assertion is".to_owned(),
            SecretKind::Secret => "not a client secret: too long, or more than one line".to_owned(),
        }));
    }
    Ok(Secret::new(trimmed))
}
