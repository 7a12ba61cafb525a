//! Records in little memory which tokens were presented before.

use std::hash::BuildHasher;

use super::BuildEndHasher;

/// How many tokens are tracked at once: about twice as many as the cache can hold.
const SLOTS: u16 = 4096;

/// The hashes of tokens that were presented before. Each has one slot, which a later token with the
/// same slot overwrites.
///
/// It keeps tokens that are presented once out of the cache: a caller that fetches a new token for each
/// call would otherwise evict those of all the others, and every token would cost a copy. An
/// overwritten slot, or two tokens with one hash, only mean that one is cached later or sooner.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    hashes: Vec<u64>,
    hasher: BuildEndHasher,
}

impl Default for Doorkeeper {
    fn default() -> Self {
        Self {
            hashes: vec![0; SLOTS.into()],
            hasher: BuildEndHasher::default(),
        }
    }
}

impl Doorkeeper {
    /// Whether this token was presented before. From now on it counts as presented.
    pub(super) fn was_presented_before(&mut self, text: &str) -> bool {
        let hash = self.hasher.hash_one(text);
        let slot = hash.checked_rem(SLOTS.into());
        slot.and_then(|slot| self.hashes.get_mut(usize::try_from(slot).ok()?))
            .is_some_and(|held| std::mem::replace(held, hash) == hash)
    }
}

#[cfg(test)]
mod tests;
