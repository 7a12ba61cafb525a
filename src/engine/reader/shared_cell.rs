//! A text that all workers share, with its version.

use super::Shared;

/// What one worker has seen of a text that all workers share.
#[derive(Debug, Default)]
pub(super) struct SharedCell {
    /// The version that this worker has taken over last.
    version: Option<u32>,
    /// The version of a text that could not be read.
    unreadable: Option<u32>,
}

/// A text that could be read.
#[derive(Debug)]
pub(super) struct Seen<T> {
    /// Its version.
    pub(super) version: u32,
    /// What it says, if this worker has not seen that yet.
    pub(super) changed: Option<T>,
}

impl SharedCell {
    /// Looks at the text; `Ok(None)` where there is none.
    pub(super) fn look<T, E>(
        &mut self,
        shared: Option<Shared<'_>>,
        read: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Option<Seen<T>>, E> {
        let Some(Shared { text, version }) = shared else {
            return Ok(None);
        };
        self.unreadable = None;
        let changed = if self.version == Some(version) {
            None
        } else {
            let read = read(text);
            Some(read.inspect_err(|_| self.unreadable = Some(version))?)
        };
        self.version = Some(version);
        Ok(Some(Seen { version, changed }))
    }

    /// The version to write over where a text is written because there is none that can be read.
    pub(super) const fn unreadable(&self) -> Option<u32> {
        self.unreadable
    }
}
