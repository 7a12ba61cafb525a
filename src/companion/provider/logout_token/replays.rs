//! The logout tokens that were acted on, for as long as they could be shown again.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use portcullis_core::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

/// How many are remembered. Beyond that, the one that ends first goes: each is good for ten minutes
/// at most, and only the provider can make one.
const MAX: usize = 4096;

/// What was acted on, by a hash of `jti`, which may be long.
#[derive(Debug, Default)]
pub(in crate::provider) struct Replays(HashMap<[u8; 32], Timestamp>);

impl Replays {
    /// Whether this was acted on before.
    pub(in crate::provider) fn has(&self, jti: &str, now: Timestamp) -> bool {
        self.0.get(&hash(jti)).is_some_and(|until| now <= *until)
    }

    /// Remembers what was acted on.
    pub(in crate::provider) fn remember(&mut self, jti: &str, until: Timestamp, now: Timestamp) {
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
