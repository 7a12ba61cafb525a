//! Secret keys: never logged, and wiped from memory on drop.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::bytes;

/// A key of 32 bytes. `Debug` is redacted.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct SecretKey([u8; 32]);

impl SecretKey {
    /// A random key.
    pub(super) fn random() -> Self {
        Self(bytes::random())
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for SecretKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl Serialize for SecretKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(bytes::encode(self.0)))
    }
}

impl<'de> Deserialize<'de> for SecretKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error quotes nothing, because the text is a secret.
        let wrong = || serde::de::Error::custom("not 32 bytes in base64url without padding");
        let text = Zeroizing::new(String::deserialize(deserializer).map_err(|_| wrong())?);
        let bytes = Zeroizing::new(bytes::decode(text.as_bytes()).ok_or_else(wrong)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}
