//! JSON Web Keys (RFC 7517), and the verification of signatures with them.
//!
//! The lowest layer of [`crate::keys`] and [`crate::token`], which re-export its public items.

mod algorithm;
#[cfg(test)]
mod fixtures;
mod key;
mod material;
mod parse;
mod set;
mod signatures;
mod spki;

pub use algorithm::Algorithm;
pub(crate) use key::MAX_KID;
pub use key::{Key, Thumbprint};
pub use parse::UnusableKey;
pub use set::{KeySet, KeySetError, Skipped};
pub use signatures::{PureRust, Signatures};
