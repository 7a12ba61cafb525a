//! Bytes that go under a seal or into a hash, and the text that they are written as.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::{OsRng, RngCore as _};

/// Fresh bytes of the system's randomness.
///
/// # Panics
/// Where the system has none to give. Nothing that is secret could be made then, and going on
/// without would be worse.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// Fields in one row of bytes, each with its length before it (u64, little-endian), so that no byte
/// can move from one field to the next unseen (CVE-2023-35941). Two rows are the same only where
/// their fields are, in number too.
pub(super) fn fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut row = Vec::with_capacity(fields.iter().map(|field| field.len() + 8).sum());
    for field in fields {
        row.extend_from_slice(&(field.len() as u64).to_le_bytes());
        row.extend_from_slice(field);
    }
    row
}

/// The base64url form without padding (RFC 4648 section 5).
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the one base64url form that [`encode`] writes.
pub(super) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The first bytes of a hash. There are 32, and nobody asks for more.
pub(super) fn first<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    const { assert!(N <= 32) };
    std::array::from_fn(|at| hash[at])
}
