//! Which tokens came before, in little room.

use std::hash::BuildHasher;

use super::Ends;

/// How many tokens can be told apart at once: about as many as the memory holds, twice over.
const PLACES: u16 = 4096;

/// Tokens that came before, by their hashes alone. Each has one place, which the next that falls there
/// takes over.
///
/// It keeps those out of the memory that never come again: a caller that fetches a new token for each
/// call would otherwise push out those of all the others, and every token would cost its copy. A
/// place taken over, or two tokens with one hash, only mean that one is remembered later or sooner.
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
    /// Whether this token came before. From now on it did.
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
