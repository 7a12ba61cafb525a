//! What is remembered of verified tokens, for requests that are judged at the same time.

use std::sync::Mutex;

use portcullis_core::gate::TokenCache;

/// How many requests remember at the same time. More than the threads of a large machine gain
/// nothing.
const SHARDS: usize = 8;

/// Several memories. A request takes the first that nobody uses, so that nobody waits and the first
/// ones know most.
#[derive(Debug)]
pub(super) struct Memories([Mutex<TokenCache>; SHARDS]);

impl Memories {
    /// Runs something with a memory: an empty one where all are in use.
    pub(super) fn with<T>(&self, run: impl FnOnce(&mut TokenCache) -> T) -> T {
        for memory in &self.0 {
            if let Ok(mut memory) = memory.try_lock() {
                return run(&mut memory);
            }
        }
        run(&mut TokenCache::default())
    }
}

impl Default for Memories {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}
