//! Key sets for the tests of this module.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{KeySet, KeySetError, UnusableKey};
use crate::fixtures::jwks;

/// Parses a set of keys with these members.
pub(super) fn read(keys: &[&str]) -> Result<KeySet, KeySetError> {
    let keys: Vec<String> = keys
        .iter()
        .map(|members| format!("{{{members}}}"))
        .collect();
    KeySet::parse(jwks(&keys).as_bytes(), None)
}

/// What is wrong with a key of these members.
pub(super) fn unusable(members: &str) -> UnusableKey {
    match read(&[members]) {
        Err(KeySetError::NoUsableKey {
            first: Some(why), ..
        }) => why,
        other => panic!("{members}: {other:?}"),
    }
}

/// The members of an RSA key.
pub(super) fn rsa(n: &[u8], e: &[u8]) -> String {
    format!(
        r#""kty":"RSA","n":"{}","e":"{}""#,
        URL_SAFE_NO_PAD.encode(n),
        URL_SAFE_NO_PAD.encode(e)
    )
}

/// An odd number of this many bits; it is not a safe modulus.
pub(super) fn modulus(bits: usize) -> Vec<u8> {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] = u8::MAX.wrapping_shr(bits.wrapping_neg() as u32 % 8);
    n
}
