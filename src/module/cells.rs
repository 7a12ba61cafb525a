//! The process's memory for what readers have fetched, so that the keys outlive the configuration that
//! fetched them, and several configurations share them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static CELLS: Mutex<BTreeMap<String, Cell>> = Mutex::new(BTreeMap::new());

#[derive(Debug)]
struct Cell {
    text: Vec<u8>,
    /// Changes with each write.
    version: u32,
}

/// The text of the cell of this name, and its version; `None` if there is none.
pub(crate) fn read(name: &str) -> Option<(Vec<u8>, u32)> {
    let cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    let cell = cells.get(name)?;
    Some((cell.text.clone(), cell.version))
}

/// Writes a cell, if it still has the version `over`, or unconditionally if `over` is `None`. Returns
/// whether it was written.
pub(crate) fn write(name: &str, text: &str, over: Option<u32>) -> bool {
    let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    let version = cells.get(name).map_or(0, |cell| cell.version);
    if over.is_some_and(|over| over != version) {
        return false;
    }
    let cell = Cell {
        text: text.into(),
        // Never 0, which is the version of a cell that is not there.
        version: version.wrapping_add(1).max(1),
    };
    cells.insert(name.to_owned(), cell);
    true
}

#[cfg(test)]
mod tests;
