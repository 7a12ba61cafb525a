//! The key set of a provider (RFC 7517 section 5).
//!
//! Each key is core's. Sets of providers may be larger than those of issuers of bearer tokens, and a
//! key without `alg` is for every accepted algorithm of its type: metadata says which algorithms a
//! provider uses, and policies do not.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use portcullis_core::json::Json;
use portcullis_core::keys::{Key, KeySet, KeySetError, Thumbprint};
use portcullis_core::token::Algorithm;

/// The maximum number of usable keys. The size in bytes is that of every response.
pub(super) const MAX_KEYS: usize = 1024;

/// The usable keys of a provider. Never empty.
#[derive(Clone, Debug)]
pub(super) struct ProviderKeys(Vec<ProviderKey>);

/// A key for one algorithm. A published key without `alg` becomes several.
#[derive(Clone, Debug)]
pub(super) struct ProviderKey {
    pub(super) key: Key,
    /// The member `issuer`, which Entra ID's keys have.
    pub(super) issuer: Option<String>,
}

/// Why a document is not a usable key set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProviderKeysError {
    /// It is not a key set, or has no usable key.
    #[error(transparent)]
    Set(#[from] KeySetError),
    /// It has more than [`MAX_KEYS`] usable keys.
    #[error("the key set has more than {MAX_KEYS} usable keys")]
    TooManyKeys,
}

impl ProviderKeys {
    /// Reads a key set. Keys for other algorithms than these are skipped.
    pub(super) fn read(set: &Json, algorithms: &[Algorithm]) -> Result<Self, ProviderKeysError> {
        let listed = set.member("keys").and_then(Json::as_array);
        let mut keys = Vec::new();
        let mut seen: HashSet<(Option<String>, &str, Thumbprint)> = HashSet::new();
        let mut usable = 0;
        for jwk in listed.unwrap_or_default() {
            let before = keys.len();
            let issuer = jwk.member("issuer").and_then(Json::as_str);
            let single = Json::Array(vec![jwk.clone()]);
            let single = Json::Object(vec![("keys".to_owned(), single)]);
            for algorithm in algorithms {
                // A key that can't be used is skipped.
                let Ok(of_key) = KeySet::from_json(&single, Some(&[*algorithm])) else {
                    continue;
                };
                for key in of_key.keys() {
                    let kid = key.kid().map(str::to_owned);
                    if seen.insert((kid, algorithm.name(), key.thumbprint())) {
                        keys.push(ProviderKey {
                            key: key.clone(),
                            issuer: issuer.map(str::to_owned),
                        });
                    }
                }
            }
            usable += usize::from(before < keys.len());
            if usable > MAX_KEYS {
                return Err(ProviderKeysError::TooManyKeys);
            }
        }
        if keys.is_empty() {
            // For the reason.
            return Ok(Self::from(&KeySet::from_json(set, Some(algorithms))?));
        }
        Ok(Self(keys))
    }

    /// The keys, in the order of the provider.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ProviderKey> {
        self.0.iter()
    }
}

impl From<&KeySet> for ProviderKeys {
    fn from(set: &KeySet) -> Self {
        let keys = set.keys().iter().map(|key| ProviderKey {
            key: key.clone(),
            issuer: None,
        });
        Self(keys.collect())
    }
}
