//! The cache of verified tokens.

mod doorkeeper;
mod token_text;

use std::collections::HashMap;
use std::sync::Arc;

use crate::caller::AuthenticatedCaller;
use crate::keys::Thumbprint;
use crate::token::Token;
use crate::trust::KeySourceId;

use doorkeeper::Doorkeeper;
use token_text::{CacheKey, TokenText};

/// How many tokens one generation holds.
const MAX_TOKENS: usize = 1024;

/// How many bytes of memory the tokens of one generation take, approximately.
const MAX_BYTES: usize = 4 << 20;

/// The cache of verified tokens: their claims, and the keys that have verified their signatures.
/// Nothing that depends on the time or on the issuer's current keys is cached, so the decision is
/// the same with and without the cache.
///
/// It has two generations, each bounded. When the young one is full it becomes the old one, and a
/// lookup moves a token from the old to the young one: tokens in use stay, others are dropped. A
/// token is cached when it is presented for the second time.
#[derive(Debug, Default)]
pub struct TokenCache {
    young: HashMap<CacheKey, Arc<CachedToken>>,
    old: HashMap<CacheKey, Arc<CachedToken>>,
    bytes: usize,
    doorkeeper: Doorkeeper,
}

/// A cached token. Its key in the map is the whole text.
#[derive(Debug)]
pub(super) struct CachedToken {
    pub(super) token: Arc<Token>,
    /// The bytes of its text and of its claims, which can be many times larger.
    bytes: usize,
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
        let text: &dyn TokenText = &text;
        if let Some(cached) = self.young.get(text) {
            return Some(Arc::clone(cached));
        }
        let (CacheKey(text), cached) = self.old.remove_entry(text)?;
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
        let cached = CachedToken::new(Arc::clone(token), verifications);
        self.put(Arc::clone(token.text()), Arc::new(cached));
    }

    /// Removes a token that has expired.
    pub(super) fn remove(&mut self, text: &str) {
        let text: &dyn TokenText = &text;
        self.young.remove(text);
        self.old.remove(text);
    }

    fn put(&mut self, text: Arc<str>, cached: Arc<CachedToken>) {
        self.bytes = self.bytes.saturating_add(cached.bytes);
        if self.young.len() >= MAX_TOKENS || self.bytes > MAX_BYTES {
            self.bytes = cached.bytes;
            // Swap and clear, to reuse the allocated memory.
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        self.young.insert(CacheKey(text), cached);
    }
}

impl CachedToken {
    fn new(token: Arc<Token>, verifications: Vec<Verification>) -> Self {
        let claims = token.claims().body().size();
        Self {
            bytes: token.text().len().saturating_add(claims),
            token,
            verifications,
        }
    }

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
