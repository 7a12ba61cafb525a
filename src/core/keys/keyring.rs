//! One worker's copy of the keys of all sources.

use std::fmt;
use std::sync::Arc;

use super::owners::Ownership;
use super::{KeyOwners, KeyRecord, Owner, OwnerEntry, TrustKeys};
use crate::jwk::{Key, Thumbprint};
use crate::reason::Reason;
use crate::timestamp::Timestamp;
use crate::trust::{KeySourceId, PerKeySource, Trust};

/// One worker's copy of the keys of all sources.
#[derive(Clone, Debug)]
pub struct Keyring {
    trust_keys: PerKeySource<TrustKeys>,
    /// The owners of the keys, by issuer.
    owners: Vec<(String, Arc<KeyOwners>)>,
}

/// Whether a trust entry may verify tokens of an issuer with a key of its set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyStatus {
    /// It may.
    Usable,
    /// It may, if these other entries, which must be fetched or tried first, do not have the key.
    Pending(Vec<KeySourceId>),
    /// Another entry of the issuer has the key too, and it is unknown which had it first.
    Ambiguous,
    /// The key belongs to another entry of the issuer.
    NotOwned,
}

/// One key in the sets of two sources.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DuplicateKey<'a> {
    /// The key.
    pub thumbprint: Thumbprint,
    /// The name of the first source, in policy order, that has it.
    pub first: &'a str,
    /// The name of the second source.
    pub second: &'a str,
}

/// A key that several entries of an issuer have, and of which it is unknown which had it first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AmbiguousKey<'a> {
    /// The key.
    pub thumbprint: Thumbprint,
    /// The names of the trust entries.
    pub names: Vec<&'a str>,
}

// === impl Keyring ===

impl Keyring {
    /// The keyring of [`crate::policy::Policy::key_sources`] before the first fetch: inline keys
    /// only.
    pub fn new<'a>(
        sources: impl IntoIterator<Item = (KeySourceId, &'a Trust)>,
        now: Timestamp,
    ) -> Self {
        let trust_keys = sources.into_iter().map(|(id, trust)| {
            let keys = TrustKeys {
                owner: Owner::of(trust),
                issuers: match id {
                    KeySourceId::Trust(_) => trust.issuers().map(str::to_owned).collect(),
                    KeySourceId::Companion => Vec::new(),
                },
                source: trust.keys.clone(),
                record: Arc::new(KeyRecord::new(&trust.keys, now)),
            };
            (id, keys)
        });
        Self {
            trust_keys: trust_keys.collect(),
            owners: Vec::new(),
        }
    }

    /// The keys of one source.
    pub fn trust_keys(&self, source: KeySourceId) -> Option<&TrustKeys> {
        self.trust_keys.get(source)
    }

    /// Replaces the record of one source by the one that the workers share.
    pub fn update(&mut self, source: KeySourceId, record: impl Into<Arc<KeyRecord>>) {
        if let Some(trust_keys) = self.trust_keys.get_mut(source) {
            trust_keys.record = record.into();
        }
    }

    /// Replaces the owners of an issuer's keys by those that the workers share.
    pub fn update_owners(&mut self, issuer: &str, owners: Arc<KeyOwners>) {
        match self.owners.iter_mut().find(|(other, _)| other == issuer) {
            Some((_, before)) => *before = owners,
            None => self.owners.push((issuer.to_owned(), owners)),
        }
    }

    /// The owners of the keys of each issuer.
    pub fn owners(&self) -> &[(String, Arc<KeyOwners>)] {
        &self.owners
    }

    /// The owners of the keys of an issuer; `None` before the first observation.
    pub fn owners_of(&self, issuer: &str) -> Option<&Arc<KeyOwners>> {
        let mut owners = self.owners.iter();
        owners
            .find(|(other, _)| other == issuer)
            .map(|(_, owners)| owners)
    }

    /// Updates the owners of all keys after an update of a record: see [`KeyOwners::observe`]. For a
    /// process that shares its owners with no other.
    pub fn observe(&mut self, now: Timestamp) {
        let mut issuers: Vec<&String> = Vec::new();
        for (_, keys) in self.trust_keys.iter() {
            issuers.extend(&keys.issuers);
        }
        issuers.sort_unstable();
        issuers.dedup();
        let mut changed: Vec<(String, KeyOwners)> = Vec::new();
        for issuer in issuers {
            let entries = self.entries_of(issuer);
            let entries: Vec<OwnerEntry<'_>> =
                entries.map(|(_, keys)| keys.as_owner_entry()).collect();
            let none = KeyOwners::default();
            let owners = self.owners_of(issuer).map_or(&none, |owners| owners);
            let updated = owners.observe(&entries, now);
            changed.extend(updated.map(|owners| (issuer.clone(), owners)));
        }
        for (issuer, owners) in changed {
            self.update_owners(&issuer, Arc::new(owners));
        }
    }

    /// Whether `source` may verify tokens of `issuer` with a key of its set.
    pub fn status(&self, source: KeySourceId, issuer: &str, key: &Key) -> KeyStatus {
        let Some(own) = self.trust_keys.get(source) else {
            return KeyStatus::NotOwned;
        };
        let others = || {
            let entries = self.entries_of(issuer);
            entries.filter(|(_, keys)| !keys.owner.is_same(&own.owner))
        };
        let thumbprint = key.thumbprint();
        if others().next().is_none() || own.source.assigns(thumbprint) {
            return KeyStatus::Usable;
        }
        if others().any(|(_, keys)| keys.source.assigns(thumbprint)) {
            return KeyStatus::NotOwned;
        }
        let owners = self.owners_of(issuer);
        match owners.map_or(Ownership::Unknown, |owners| owners.find(thumbprint)) {
            Ownership::Unknown => {
                let fetched = others().filter(|(_, keys)| keys.source.remote.is_some());
                let fetched: Vec<KeySourceId> = fetched.map(|(id, _)| id).collect();
                // Inline keys do not change.
                if fetched.is_empty() {
                    KeyStatus::Usable
                } else {
                    KeyStatus::Pending(fetched)
                }
            }
            Ownership::OwnedBy(owner, checks) if owner.is_same(&own.owner) => {
                let blocks = |keys: &TrustKeys| {
                    let name = keys.owner.name();
                    checks.iter().any(|check| check.blocks(name))
                };
                let blocking: Vec<KeySourceId> = others()
                    .filter(|(_, keys)| blocks(keys))
                    .map(|(id, _)| id)
                    .collect();
                if blocking.is_empty() {
                    KeyStatus::Usable
                } else {
                    KeyStatus::Pending(blocking)
                }
            }
            Ownership::OwnedBy(owner, _) => {
                if others().any(|(_, keys)| keys.owner.is_same(owner)) {
                    return KeyStatus::NotOwned;
                }
                // The owner is not in this policy.
                if others().any(|(_, keys)| keys.has(thumbprint)) {
                    KeyStatus::Ambiguous
                } else {
                    KeyStatus::Usable
                }
            }
            Ownership::Ambiguous => KeyStatus::Ambiguous,
        }
    }

    /// Whether a new key of another entry waits until this source is fetched or tried.
    pub fn is_awaited(&self, source: KeySourceId) -> bool {
        self.trust_keys.get(source).is_some_and(|keys| {
            let mut owners = keys.issuers.iter().filter_map(|iss| self.owners_of(iss));
            owners.any(|owners| owners.waits_for(keys.owner.name()))
        })
    }

    /// The ambiguous keys that entries of this policy have, without those that it assigns to an
    /// entry.
    pub fn ambiguous_keys(&self) -> Vec<AmbiguousKey<'_>> {
        let mut ambiguous: Vec<AmbiguousKey<'_>> = Vec::new();
        for (issuer, owners) in &self.owners {
            for (thumbprint, names) in owners.ambiguous() {
                let mut entries = self.entries_of(issuer).map(|(_, keys)| keys);
                let is_assigned = entries.clone().any(|keys| keys.source.assigns(thumbprint));
                let is_known = ambiguous.iter().any(|key| key.thumbprint == thumbprint);
                if !is_assigned && !is_known && entries.any(|keys| keys.has(thumbprint)) {
                    ambiguous.push(AmbiguousKey { thumbprint, names });
                }
            }
        }
        ambiguous
    }

    /// The entries that accept this value of `iss`.
    fn entries_of(&self, issuer: &str) -> impl Iterator<Item = (KeySourceId, &TrustKeys)> + Clone {
        let entries = self.trust_keys.iter();
        entries.filter(move |(_, keys)| keys.issuers.iter().any(|other| other == issuer))
    }

    /// Keys that are in more than one set, each with the names of the first two sources that have
    /// it: clusters that were set up from one copy can't be distinguished by their keys.
    pub fn duplicate_keys(&self) -> Vec<DuplicateKey<'_>> {
        let mut seen: Vec<(Thumbprint, KeySourceId, &str)> = Vec::new();
        let mut duplicates = Vec::new();
        for (source, trust_keys) in self.trust_keys.iter() {
            for key in trust_keys.all() {
                let thumbprint = key.thumbprint();
                match seen.iter().find(|(other, ..)| *other == thumbprint) {
                    Some((_, first, name)) if *first != source => duplicates.push(DuplicateKey {
                        thumbprint,
                        first: name,
                        second: trust_keys.owner.name(),
                    }),
                    Some(_) => {}
                    None => seen.push((thumbprint, source, trust_keys.owner.name())),
                }
            }
        }
        duplicates
    }
}

// === impl DuplicateKey ===

/// The warning for the log.
impl fmt::Display for DuplicateKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            thumbprint,
            first,
            second,
        } = self;
        write!(
            f,
            "trust entries {first} and {second} have the same key ({thumbprint}): its tokens are \
             accepted for both or, if they share an issuer, for the owner of the key; help: give \
             each issuer its own signing keys, or set `keys.pins`"
        )
    }
}

// === impl AmbiguousKey ===

/// The warning for the log.
impl fmt::Display for AmbiguousKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thumbprint, names } = self;
        write!(
            f,
            "trust entries {} share an issuer and have the same key ({thumbprint}), and it is \
             unknown which of them had it first: its tokens are refused ({}); help: add the key to \
             `keys.pins` of the entry that it belongs to",
            names.join(" and "),
            Reason::KeyAmbiguous,
        )
    }
}

#[cfg(test)]
mod tests;
