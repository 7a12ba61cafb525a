//! Records in little memory which tokens were presented before.

use std::hash::BuildHasher;

use super::Ends;

/// How many tokens are tracked at once: about twice as many as the cache can hold.
const PLACES: u16 = 4096;

/// The hashes of tokens that were presented before. Each has one slot, which a later token with the
/// same slot overwrites.
///
/// It keeps tokens that are presented once out of the cache: a caller that fetches a new token for each
/// call would otherwise evict those of all the others, and every token would cost a copy. An
/// overwritten slot, or two tokens with one hash, only mean that one is cached later or sooner.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    hashes: Vec<u64>,
    ends: Ends,
}

impl Default for Doorkeeper {
    fn default() -> Self {
        Self {
            hashes: vec![0; PLACES.into()],
            ends: Ends::default(),
        }
    }
}

impl Doorkeeper {
    /// Whether this token was presented before. From now on it counts as presented.
    pub(super) fn again(&mut self, text: &str) -> bool {
        let hash = self.ends.hash_one(text);
        let place = hash.checked_rem(PLACES.into());
        place
            .and_then(|place| self.hashes.get_mut(usize::try_from(place).ok()?))
            .is_some_and(|held| std::mem::replace(held, hash) == hash)
    }
}

#[cfg(test)]
mod tests;
