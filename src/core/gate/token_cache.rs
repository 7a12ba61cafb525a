//! The cache of verified tokens.

mod doorkeeper;

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::caller::AuthenticatedCaller;
use crate::keys::Thumbprint;
use crate::token::Token;
use crate::trust::KeySourceId;

use doorkeeper::Doorkeeper;

/// How many tokens one generation holds.
const MAX_TOKENS: usize = 1024;

/// How many bytes of tokens one generation holds.
const MAX_BYTES: usize = 2 << 20;

/// The cache of verified tokens: their claims, and the keys that have verified their signatures.
/// Nothing that depends on the time or on the issuer's current keys is cached, so the decision is
/// the same with and without the cache.
///
/// It has two generations, each bounded. When the young one is full it becomes the old one, and a
/// lookup moves a token from the old to the young one: tokens in use stay, others are dropped. A
/// token is cached when it is presented for the second time.
#[derive(Debug, Default)]
pub struct TokenCache {
    young: HashMap<Arc<str>, Arc<CachedToken>, Ends>,
    old: HashMap<Arc<str>, Arc<CachedToken>, Ends>,
    bytes: usize,
    doorkeeper: Doorkeeper,
}

/// Hashes only the end of a token. The end is a part of the signature and differs between tokens,
/// and hashing a kilobyte would cost more than everything else that a cached token needs. Lookups
/// still compare the whole token. A client can't cause collisions, because only verified tokens are
/// cached and the hash is keyed.
#[derive(Clone, Debug, Default)]
struct Ends(RandomState);

/// How many bytes of a token are hashed.
const END: usize = 32;

impl BuildHasher for Ends {
    type Hasher = EndHasher;

    fn build_hasher(&self) -> EndHasher {
        EndHasher(self.0.build_hasher())
    }
}

struct EndHasher(DefaultHasher);

impl Hasher for EndHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(
            bytes
                .last_chunk::<END>()
                .map_or(bytes, |end| end.as_slice()),
        );
    }
}

/// A cached token. Its key in the map is the whole text.
#[derive(Debug)]
pub(super) struct CachedToken {
    pub(super) token: Arc<Token>,
    verifications: Vec<Verification>,
}

/// A key that has verified the token's signature, and the resulting caller.
#[derive(Clone, Debug)]
struct Verification {
    trust: KeySourceId,
    key: Thumbprint,
    caller: Arc<AuthenticatedCaller>,
}

impl TokenCache {
    /// Looks up a token.
    pub(super) fn get(&mut self, text: &str) -> Option<Arc<CachedToken>> {
        if let Some(cached) = self.young.get(text) {
            return Some(Arc::clone(cached));
        }
        let (text, cached) = self.old.remove_entry(text)?;
        self.put(text, Arc::clone(&cached));
        Some(cached)
    }

    /// Caches that a key of a source has verified this token, if the token was presented before.
    /// `before` is what was cached of it.
    pub(super) fn insert(
        &mut self,
        token: &Arc<Token>,
        before: Option<&CachedToken>,
        (trust, key): (KeySourceId, Thumbprint),
        caller: &Arc<AuthenticatedCaller>,
    ) {
        if before.is_none() && !self.doorkeeper.again(token.text()) {
            return;
        }
        let mut verifications = before.map_or_else(Vec::new, |cached| cached.verifications.clone());
        let caller = Arc::clone(caller);
        verifications.push(Verification { trust, key, caller });
        let token = Arc::clone(token);
        let text = Arc::clone(token.text());
        self.put(
            text,
            Arc::new(CachedToken {
                token,
                verifications,
            }),
        );
    }

    /// Removes a token that has expired.
    pub(super) fn remove(&mut self, text: &str) {
        self.young.remove(text);
        self.old.remove(text);
    }

    fn put(&mut self, text: Arc<str>, cached: Arc<CachedToken>) {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.young.len() >= MAX_TOKENS || self.bytes > MAX_BYTES {
            self.bytes = text.len();
            // Swap and clear, to reuse the allocated memory.
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        self.young.insert(text, cached);
    }
}

impl CachedToken {
    /// The caller, if this key of this source has verified the token.
    pub(super) fn verified_by(
        &self,
        (trust, key): (KeySourceId, Thumbprint),
    ) -> Option<&Arc<AuthenticatedCaller>> {
        let mut verifications = self.verifications.iter();
        verifications
            .find(|verification| verification.trust == trust && verification.key == key)
            .map(|verification| &verification.caller)
    }
}

#[cfg(test)]
mod tests;
