//! Sets of keys (RFC 7517 section 5).

#[cfg(test)]
mod tests;

use super::{Algorithm, Key, UnusableKey};
use crate::json::{Json, JsonError};

/// A key set: between one and [`KeySet::MAX_KEYS`] usable keys, in the order of the issuer.
///
/// Other keys that an issuer lists, for example encryption keys or keys of a newer type, are
/// skipped and do not make the set invalid. Two sets are equal if their usable keys are.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<Skipped>,
}

/// A key that a set lists and that can't be used here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// Its index in the list, from zero.
    pub position: usize,
    /// Why it can't be used.
    pub why: UnusableKey,
}

/// Why a document is not a usable key set. The messages contain nothing of the document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is not JSON, or an object has a duplicate member name.
    #[error("the key set is {0}")]
    Json(#[from] JsonError),
    /// It has no list `keys`.
    #[error("the key set is not an object with a list `keys`")]
    NotASet,
    /// It lists no key that can verify signatures.
    #[error("the key set has no usable key; keys listed: {listed}{}", because(.first))]
    NoUsableKey {
        /// How many keys it lists.
        listed: usize,
        /// Why the first of them can't be used.
        first: Option<UnusableKey>,
    },
    /// It is longer than [`KeySet::MAX_BYTES`].
    #[error("the key set is longer than {} bytes", KeySet::MAX_BYTES)]
    TooLarge,
    /// It has more usable keys than [`KeySet::MAX_KEYS`].
    #[error("the key set has more than {} usable keys", KeySet::MAX_KEYS)]
    TooManyKeys,
}

impl KeySet {
    /// The maximum size in bytes.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// The maximum number of usable keys.
    pub const MAX_KEYS: usize = 64;

    /// Parses a JWKS from an issuer, or from [`KeySet::to_json`].
    ///
    /// `algorithms` are those that the trust entry allows, in its order of preference: a key with
    /// another `alg` is skipped, and a key without `alg` gets the first one for its type. `None`
    /// allows what each key specifies; an RSA key without `alg` is then for RS256.
    pub fn parse(body: &[u8], algorithms: Option<&[Algorithm]>) -> Result<Self, KeySetError> {
        if body.len() > Self::MAX_BYTES {
            return Err(KeySetError::TooLarge);
        }
        Self::from_json(&Json::parse(body)?, algorithms)
    }

    /// Reads a set that is part of a larger document. `algorithms` are as for [`KeySet::parse`].
    pub fn from_json(json: &Json, algorithms: Option<&[Algorithm]>) -> Result<Self, KeySetError> {
        let listed = json
            .member("keys")
            .and_then(Json::as_array)
            .ok_or(KeySetError::NotASet)?;
        let mut keys: Vec<Key> = Vec::new();
        let mut skipped = Vec::new();
        for (position, jwk) in listed.iter().enumerate() {
            match Key::from_jwk(jwk, algorithms) {
                // A key that is listed twice counts once.
                Ok(key) if keys.contains(&key) => {}
                Ok(_) if keys.len() == Self::MAX_KEYS => return Err(KeySetError::TooManyKeys),
                Ok(key) => keys.push(key),
                Err(why) => skipped.push(Skipped { position, why }),
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey {
                listed: listed.len(),
                first: skipped.first().map(|skipped| skipped.why),
            });
        }
        Ok(Self { keys, skipped })
    }

    /// The usable keys.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys with this `kid`, compared byte for byte. Usually there is one; issuers may give two
    /// keys the same `kid`, and then each may be tried.
    pub fn with_kid(&self, kid: &str) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.kid() == Some(kid))
    }

    /// The set without the keys for which `keeps` returns false; `None` if no key is left.
    #[must_use]
    pub fn filter(&self, keeps: impl Fn(&Key) -> bool) -> Option<Self> {
        let keys: Vec<Key> = self.keys.iter().filter(|key| keeps(key)).cloned().collect();
        (!keys.is_empty()).then(|| Self {
            keys,
            skipped: self.skipped.clone(),
        })
    }

    /// The unusable keys that the set lists, for the log.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The usable keys as a JWKS, each with its `alg`, so that [`KeySet::parse`] returns an equal
    /// set.
    pub fn to_json(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(Key::to_jwk).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for KeySet {}

fn because(first: &Option<UnusableKey>) -> String {
    first.map_or_else(String::new, |why| format!("; the first key {why}"))
}
