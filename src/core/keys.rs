//! The keys that tokens are verified with: what a key set is, how a signature is checked, and how a
//! set is fetched and kept.

mod set;
mod signatures;

pub use set::{Key, KeySet, KeySetError, Skipped, Thumbprint, Unfit};
pub use signatures::{PureRust, Signatures};
