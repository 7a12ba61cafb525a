//! Used logout tokens, for as long as they could be replayed.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use portcullis_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

/// How many are remembered. Beyond that the one that expires first is dropped: each is valid for
/// ten minutes at most, and only the provider can issue one.
const MAX: usize = 4096;

/// Used tokens by the hash of their `jti`, which may be long.
#[derive(Debug, Default)]
pub(in crate::provider) struct ReplayCache(HashMap<[u8; 32], Timestamp>);

impl ReplayCache {
    /// Whether this token was used before.
    pub(in crate::provider) fn contains(&self, jti: &str, now: Timestamp) -> bool {
        self.0.get(&hash(jti)).is_some_and(|until| now <= *until)
    }

    /// Remembers a used token.
    pub(in crate::provider) fn insert(&mut self, jti: &str, until: Timestamp, now: Timestamp) {
        if self.0.len() >= MAX {
            self.0.retain(|_, until| now <= *until);
        }
        if self.0.len() >= MAX
            && let Some(first) = self.0.iter().min_by_key(|(_, until)| **until)
        {
            let first = *first.0;
            self.0.remove(&first);
        }
        self.0.insert(hash(jti), until);
    }
}

fn hash(jti: &str) -> [u8; 32] {
    Sha256::digest(jti).into()
}
