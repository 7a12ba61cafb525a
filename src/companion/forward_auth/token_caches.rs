//! The caches of verified tokens, for requests that are evaluated concurrently.

use std::sync::Mutex;

use portcullis_core::gate::TokenCache;

/// How many requests can use a cache at the same time. More caches than threads are of no use.
const SHARDS: usize = 8;

/// Several token caches. A request uses the first that is free, so that no request waits and the first
/// caches are used most.
#[derive(Debug)]
pub(super) struct TokenCaches([Mutex<TokenCache>; SHARDS]);

impl TokenCaches {
    /// Calls `run` with a free cache, or with an empty one if all are in use.
    pub(super) fn with<T>(&self, run: impl FnOnce(&mut TokenCache) -> T) -> T {
        for cache in &self.0 {
            if let Ok(mut cache) = cache.try_lock() {
                return run(&mut cache);
            }
        }
        run(&mut TokenCache::default())
    }
}

impl Default for TokenCaches {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}
