//! Random bytes, unambiguous encoding of several fields, and base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::{OsRng, RngCore as _};

/// Random bytes from the operating system.
///
/// # Panics
/// If the system has none, because no secret can be created then.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// Concatenates fields, each with its length in front (u64, little-endian), so that no byte can
/// move from one field to the next (CVE-2023-35941). Two results are equal only if all fields are.
pub(super) fn fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(fields.iter().map(|field| field.len() + 8).sum());
    for field in fields {
        encoded.extend_from_slice(&(field.len() as u64).to_le_bytes());
        encoded.extend_from_slice(field);
    }
    encoded
}

/// Base64url without padding (RFC 4648 section 5).
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes what [`encode`] writes, and no other encoding of the same bytes.
pub(super) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The first bytes of a hash. `N` is at most 32.
pub(super) fn first<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    const { assert!(N <= 32) };
    std::array::from_fn(|at| hash[at])
}
