//! What readers have fetched, by version, so that a worker sees with one load that nothing is new.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_engine::Update;

use super::lock;

/// The newest update about each subject.
#[derive(Debug, Default)]
pub(super) struct Updates {
    /// The version of the newest update.
    version: AtomicU64,
    /// In order of their versions.
    newest: Mutex<Vec<(u64, Update)>>,
}

impl Updates {
    /// Adds an update.
    pub(super) fn publish(&self, update: &Update) {
        let mut newest = lock(&self.newest);
        newest.retain(|(_, older)| !update.replaces(older));
        let version = self.version.load(Ordering::Relaxed).wrapping_add(1);
        newest.push((version, update.clone()));
        self.version.store(version, Ordering::Release);
    }

    /// The updates after this version, which becomes the newest.
    pub(super) fn unseen(&self, version: &mut u64) -> Vec<Update> {
        if self.version.load(Ordering::Acquire) == *version {
            return Vec::new();
        }
        let newest = lock(&self.newest);
        let unseen = newest.iter().filter(|(added, _)| added > version);
        let unseen = unseen.map(|(_, update)| update.clone()).collect();
        *version = self.version.load(Ordering::Relaxed);
        unseen
    }
}

#[cfg(test)]
mod tests;
