//! Sessions: who is signed in, for how long, and how that ends.
//!
//! A session is two things: a short-lived session token that any filter verifies with the
//! companion's public keys ([`keys`]), and a sealed session that only the companion opens
//! ([`record`]).

mod bytes;
pub(crate) mod keys;
pub(crate) mod record;
pub(crate) mod secret;
mod whole_file;
