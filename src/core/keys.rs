//! The keys that tokens are verified with: what a key set is, and how one is fetched and kept.

mod set;

pub use set::{Key, KeySet, KeySetError, Thumbprint};
