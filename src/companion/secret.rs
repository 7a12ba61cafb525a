//! Secrets, which come from files and are never shown.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text. It is wiped from memory when dropped, and its `Debug` output tells nothing.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret of this text.
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret that a file holds: its text without the line end that editors leave behind it.
    /// `None` where it holds none: nothing, no UTF-8, or several lines.
    pub(crate) fn of_file(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.trim_end_matches(['\r', '\n']);
        let plain = !text.is_empty() && !text.contains(|c: char| c.is_control());
        plain.then(|| Self::new(text.to_owned()))
    }

    /// The text, for whom it is meant.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
