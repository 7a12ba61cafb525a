//! The text of a token as a key of the cache's maps.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::bytes::is_same;

#[cfg(test)]
mod tests;

/// How many bytes at the end of a token are hashed.
const END: usize = 32;

/// The text of a token, owned or borrowed, so that a lookup needs no copy.
///
/// Only its end is hashed. The end is a part of the signature and differs between tokens, and
/// hashing a kilobyte would cost more than everything else that a cached token needs. A client can't
/// cause collisions, because only verified tokens are cached and the map's hash is keyed.
pub(super) trait TokenText {
    fn text(&self) -> &str;
}

/// The key of a cached token.
#[derive(Debug)]
pub(super) struct CacheKey(pub(super) Arc<str>);

// === impl TokenText ===

impl TokenText for CacheKey {
    fn text(&self) -> &str {
        &self.0
    }
}

impl TokenText for &str {
    fn text(&self) -> &str {
        self
    }
}

impl PartialEq for dyn TokenText + '_ {
    fn eq(&self, other: &Self) -> bool {
        is_same(self.text().as_bytes(), other.text().as_bytes())
    }
}

impl Eq for dyn TokenText + '_ {}

impl Hash for dyn TokenText + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let text = self.text().as_bytes();
        let end = text.last_chunk::<END>();
        state.write(end.map_or(text, |end| end.as_slice()));
    }
}

// === impl CacheKey ===

impl CacheKey {
    fn as_text(&self) -> &dyn TokenText {
        self
    }
}

impl<'a> Borrow<dyn TokenText + 'a> for CacheKey {
    fn borrow(&self) -> &(dyn TokenText + 'a) {
        self
    }
}

impl PartialEq for CacheKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_text() == other.as_text()
    }
}

impl Eq for CacheKey {}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_text().hash(state);
    }
}
