//! JSON Web Keys and sets of them, by RFC 7517.

mod jwk;
mod key;
mod material;
mod spki;
#[cfg(test)]
mod tests;

pub use jwk::UnusableKey;
pub use key::{Key, Thumbprint};
pub(super) use material::Material;

use crate::json::{Json, JsonError};
use crate::token::Algorithm;

/// A key set: between one and [`KeySet::MAX_KEYS`] usable keys, in the order of the issuer.
///
/// What else an issuer lists, for example keys to encrypt with or of a kind that came after this
/// program, is skipped and never costs the set its usable keys. Two sets are equal where their
/// usable keys are.
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
    /// What is wrong with it.
    pub why: UnusableKey,
}

/// Why an answer is not a usable key set. Repeats nothing of the answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is not JSON, or duplicate member name in one object.
    #[error("the key set is {0}")]
    Json(#[from] JsonError),
    /// It has no list of keys.
    #[error("the key set is not an object with a list `keys`")]
    NotASet,
    /// It lists no key that is fit to verify signatures.
    #[error("the key set has no usable key among the {listed} that it lists{}", because(.first))]
    NoUsableKey {
        /// How many keys it lists.
        listed: usize,
        /// What is wrong with the first of them.
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
    /// How long an answer may be.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// How many usable keys a set may have.
    pub const MAX_KEYS: usize = 64;

    /// Reads the answer of an issuer, or what another worker shared with [`KeySet::to_json`].
    ///
    /// `algorithms` are those that the trust entry allows, in its order of preference: a key that
    /// names another is skipped, and a key that names none is for the first that fits its type.
    /// `None` leaves the choice to the key; an RSA key that names none is then for RS256.
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
                // An issuer that lists a key twice must not make it look like two.
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

    /// The keys of this `kid`, compared byte for byte. Usually one; nothing forbids an issuer to
    /// give two keys one name, and then each may be tried.
    pub fn with_kid(&self, kid: &str) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.kid() == Some(kid))
    }

    /// The unusable keys that the set lists, for the log.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The usable keys as a JSON Web Key Set, each with its algorithm named, so that
    /// [`KeySet::parse`] makes an equal set of it.
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
    first.map_or_else(String::new, |why| format!("; the first {why}"))
}
