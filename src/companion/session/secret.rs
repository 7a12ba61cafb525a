//! Keys, which nobody may read in a log and which are gone from memory once they are dropped.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::bytes;

/// The 32 bytes of a key. Its debug output says nothing of it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct SecretKey([u8; 32]);

impl SecretKey {
    /// A fresh key.
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
        // What is wrong with the text is not told, for the text is a secret.
        let wrong = || serde::de::Error::custom("not 32 bytes in base64url without padding");
        let text = Zeroizing::new(String::deserialize(deserializer).map_err(|_| wrong())?);
        let bytes = Zeroizing::new(bytes::decode(text.as_bytes()).ok_or_else(wrong)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}
