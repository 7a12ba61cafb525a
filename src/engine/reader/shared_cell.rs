//! A versioned text that all workers share.

use super::CellContent;

/// One worker's view of a shared text.
#[derive(Debug, Default)]
pub(super) struct SharedCell {
    /// The version that this worker has last parsed.
    version: Option<u32>,
    /// The version of a text that could not be parsed.
    unreadable: Option<u32>,
}

/// A text that could be parsed.
#[derive(Debug)]
pub(super) struct ParsedCell<T> {
    /// Its version.
    pub(super) version: u32,
    /// The parsed content, if this worker has not seen this version yet.
    pub(super) changed: Option<T>,
}

impl SharedCell {
    /// Parses the text if its version is new; `Ok(None)` if there is none.
    pub(super) fn read<T, E>(
        &mut self,
        shared: Option<CellContent<'_>>,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Option<ParsedCell<T>>, E> {
        let Some(CellContent { text, version }) = shared else {
            return Ok(None);
        };
        self.unreadable = None;
        let changed = if self.version == Some(version) {
            None
        } else {
            let parsed = parse(text);
            Some(parsed.inspect_err(|_| self.unreadable = Some(version))?)
        };
        self.version = Some(version);
        Ok(Some(ParsedCell { version, changed }))
    }

    /// The version of an invalid text, to replace it.
    pub(super) const fn unreadable(&self) -> Option<u32> {
        self.unreadable
    }
}
