//! Which trust entry a key belongs to, among the entries that share an issuer.
//!
//! Only their keys distinguish the entries that share an issuer. Public keys can be copied: an entry
//! that adds the key of another to its set could take over the other's callers. So a key belongs to
//! the entry that had it first, and another entry that publishes it later can't verify tokens with
//! it.
//!
//! A new key of an entry counts after all other entries of the issuer were fetched, or at least
//! tried, since: their sets show that they did not have it earlier. An entry that can't be fetched
//! counts with its last valid set. If it has none yet, it does not delay the key, but the key is
//! ambiguous if it is in the first set of that entry. A key is also ambiguous if two entries have it
//! before either of them is known to be the first, for example after a restart. An ambiguous key
//! verifies no tokens, until `keys.pins` state which entry it belongs to.
//!
//! A key is identified by its thumbprint: another entry may publish it with another `kid`. Entries
//! with the same key source are one owner.
//!
//! Nothing here compares times: "fetched since" means that a fetch began after the key was observed, so
//! the result is the same if the clock steps back.

mod check;
#[cfg(test)]
mod fixtures;
mod text;

#[cfg(test)]
mod tests;

use super::KeyRecord;
use crate::jwk::{Key, KeySet, Thumbprint};
use crate::timestamp::Timestamp;
use crate::trust::{KeySource, Trust, hex_digest};

pub(super) use check::Check;
pub use text::KeyOwnersError;

use check::CheckState;

/// How many keys are remembered of each owner after it has removed them, so that no other entry can
/// take them over.
const MAX_FORMER: usize = KeySet::MAX_KEYS;

/// The maximum number of keys of one issuer.
const MAX_KEYS: usize = 4096;

/// The maximum number of entries of one issuer, including those of earlier policies.
const MAX_ENTRIES: usize = 256;

/// The owners of the keys of one issuer. The workers of a proxy share it as text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyOwners {
    /// The names of the known entries, in the order in which they became known.
    entries: Vec<String>,
    /// The keys, the oldest first.
    keys: Vec<KnownKey>,
}

/// An owner of keys: a trust entry. Entries with the same key source are the same owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    /// The name of the trust entry.
    name: String,
    /// The id of its key source; `None` if the source is separate for each entry.
    source: Option<String>,
}

/// A trust entry, as far as the ownership of keys depends on it.
#[derive(Clone, Copy, Debug)]
pub struct OwnerEntry<'a> {
    /// Its identity as an owner.
    pub owner: &'a Owner,
    /// Its pins and inline keys.
    pub keys: &'a KeySource,
    /// Its fetched keys.
    pub record: &'a KeyRecord,
}

/// What is known about the owner of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ownership<'a> {
    /// The key was not observed yet.
    Unknown,
    /// The key belongs to this owner, after these checks.
    OwnedBy(&'a Owner, &'a [Check]),
    /// It is unknown which of several owners had the key first.
    Ambiguous,
}

/// A key that was observed, and what is known about its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
struct KnownKey {
    key: Thumbprint,
    state: KeyState,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum KeyState {
    /// An entry owns the key, after these checks.
    Owned {
        owner: Owner,
        /// The entries that may have had the key as early.
        checks: Vec<Check>,
    },
    /// It is unknown which of these entries had the key first.
    Ambiguous {
        /// The candidate owners.
        candidates: Vec<Owner>,
    },
}

// === impl Owner ===

impl Owner {
    /// The owner that a trust entry is.
    pub fn of(trust: &Trust) -> Self {
        Self {
            name: trust.name.clone(),
            source: trust.keys.source_id(),
        }
    }

    /// The name of the trust entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether both are one owner.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name || (self.source.is_some() && self.source == other.source)
    }
}

// === impl OwnerEntry ===

impl OwnerEntry<'_> {
    /// The keys that the entry has, as far as its pins allow.
    fn keys(&self, now: Timestamp) -> impl Iterator<Item = Thumbprint> {
        let keys = self.record.keys(now);
        keys.filter(|key| self.keys.is_pinned(key))
            .map(Key::thumbprint)
    }
}

// === impl KeyOwners ===

impl KeyOwners {
    /// The id of an issuer's owners in shared data: a SHA-256 in hexadecimal.
    pub fn id(issuer: &str) -> String {
        hex_digest([issuer])
    }

    /// The owners after an update with the current keys of the issuer's entries, in the policy's
    /// order; `None` if nothing changes.
    ///
    /// Call it after the record of an entry has changed, and while a key waits, with records that
    /// were all read at the same time: otherwise an attempt could be older than it seems.
    #[must_use]
    pub fn observe(&self, entries: &[OwnerEntry<'_>], now: Timestamp) -> Option<Self> {
        let mut updated = self.clone();
        updated.update(entries, now);
        (updated != *self).then_some(updated)
    }

    fn update(&mut self, entries: &[OwnerEntry<'_>], now: Timestamp) {
        self.register(entries);
        let mut published: Vec<(Thumbprint, Vec<OwnerEntry<'_>>)> = Vec::new();
        for entry in entries {
            for key in entry.keys(now) {
                match published.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, publishers)) => publishers.push(*entry),
                    None => published.push((key, vec![*entry])),
                }
            }
        }
        let is_published = |key: Thumbprint| published.iter().any(|(other, _)| *other == key);
        self.forget(entries, is_published);
        for (key, publishers) in &published {
            self.record_key(*key, publishers, entries, now);
        }
        for known in &mut self.keys {
            if let KeyState::Owned { checks, .. } = &mut known.state {
                let next = |check: Check| match find(entries, &check.entry) {
                    Some(entry) => check.next(entry, now),
                    None => Some(check),
                };
                *checks = std::mem::take(checks)
                    .into_iter()
                    .filter_map(next)
                    .collect();
            }
        }
    }

    /// Records the names of these entries.
    fn register(&mut self, entries: &[OwnerEntry<'_>]) {
        for entry in entries {
            if !self.entries.contains(&entry.owner.name) {
                self.entries.push(entry.owner.name.clone());
            }
        }
        let mut excess = self.entries.len().saturating_sub(MAX_ENTRIES);
        self.entries.retain(|name| {
            let keeps = excess == 0 || find(entries, name).is_some();
            excess = excess.saturating_sub(usize::from(!keeps));
            keeps
        });
    }

    /// Removes keys that no entry has any more, if there are too many.
    fn forget(&mut self, entries: &[OwnerEntry<'_>], is_published: impl Fn(Thumbprint) -> bool) {
        for owner in owners(entries, &|_| true) {
            let is_former = |known: &KnownKey| {
                let first = known.state.first_owner();
                first.is_some_and(|first| first.is_same(owner)) && !is_published(known.key)
            };
            let former = self.keys.iter().filter(|known| is_former(known));
            let mut excess = former.count().saturating_sub(MAX_FORMER);
            self.remove_oldest(&mut excess, is_former);
        }
        let mut excess = self.keys.len().saturating_sub(MAX_KEYS / 2);
        self.remove_oldest(&mut excess, |known| !is_published(known.key));
    }

    fn remove_oldest(&mut self, excess: &mut usize, may_go: impl Fn(&KnownKey) -> bool) {
        if *excess > 0 {
            self.keys.retain(|known| {
                let keeps = *excess == 0 || !may_go(known);
                *excess = excess.saturating_sub(usize::from(!keeps));
                keeps
            });
        }
    }

    /// Records the owner of a key that these entries publish.
    fn record_key(
        &mut self,
        key: Thumbprint,
        publishers: &[OwnerEntry<'_>],
        entries: &[OwnerEntry<'_>],
        now: Timestamp,
    ) {
        let assigned = owners(entries, &|entry| entry.keys.assigns(key));
        let publishing = owners(publishers, &|_| true);
        let new = match (&*assigned, &*publishing) {
            ([owner], _) => KeyState::owned(owner, Vec::new()),
            (_, [owner]) => KeyState::owned(owner, self.checks(owner, publishers, entries, now)),
            _ => KeyState::ambiguous(&publishing),
        };
        let has_room = self.keys.len() < MAX_KEYS;
        match self.keys.iter_mut().find(|known| known.key == key) {
            None if has_room => {
                self.keys.push(KnownKey { key, state: new });
            }
            None => {}
            Some(known) if assigned.len() != 1 => known.state.check_publishers(publishers),
            Some(known) if known.state.is_settled_for(&assigned) => {}
            Some(known) => known.state = new,
        }
    }

    /// The checks for a new key of this owner.
    fn checks(
        &self,
        owner: &Owner,
        publishers: &[OwnerEntry<'_>],
        entries: &[OwnerEntry<'_>],
        now: Timestamp,
    ) -> Vec<Check> {
        let names = self.entries.iter().filter(|name| **name != owner.name);
        let checks = names.filter_map(|name| match find(entries, name) {
            Some(entry) if entry.owner.is_same(owner) => None,
            Some(entry) => Check::begin(entry, publishers.first(), now),
            None => Some(Check {
                entry: name.clone(),
                state: CheckState::Unobserved,
            }),
        });
        checks.collect()
    }

    /// Whether a new key waits until this entry is fetched or tried.
    pub fn waits_for(&self, name: &str) -> bool {
        self.keys.iter().any(|known| match &known.state {
            KeyState::Owned { checks, .. } => checks.iter().any(|check| check.blocks(name)),
            KeyState::Ambiguous { .. } => false,
        })
    }

    /// The owner of a key.
    pub(super) fn find(&self, key: Thumbprint) -> Ownership<'_> {
        let known = self.keys.iter().find(|known| known.key == key);
        match known.map(|known| &known.state) {
            None => Ownership::Unknown,
            Some(KeyState::Owned { owner, checks }) => Ownership::OwnedBy(owner, checks),
            Some(KeyState::Ambiguous { .. }) => Ownership::Ambiguous,
        }
    }

    /// The ambiguous keys, each with the names of the entries that have or had it.
    pub(super) fn ambiguous(&self) -> impl Iterator<Item = (Thumbprint, Vec<&str>)> {
        self.keys.iter().filter_map(|known| match &known.state {
            KeyState::Owned { .. } => None,
            KeyState::Ambiguous { candidates } => {
                Some((known.key, candidates.iter().map(Owner::name).collect()))
            }
        })
    }
}

// === impl KeyState ===

impl KeyState {
    fn owned(owner: &Owner, checks: Vec<Check>) -> Self {
        Self::Owned {
            owner: owner.clone(),
            checks,
        }
    }

    fn ambiguous(candidates: &[&Owner]) -> Self {
        Self::Ambiguous {
            candidates: candidates.iter().copied().cloned().collect(),
        }
    }

    fn first_owner(&self) -> Option<&Owner> {
        match self {
            Self::Owned { owner, .. } => Some(owner),
            Self::Ambiguous { candidates } => candidates.first(),
        }
    }

    fn is_settled_for(&self, assigned: &[&Owner]) -> bool {
        match self {
            Self::Owned { owner, checks } => {
                checks.is_empty() && assigned.iter().any(|other| other.is_same(owner))
            }
            Self::Ambiguous { .. } => false,
        }
    }

    /// Makes the key ambiguous if one of these entries, which have it now, may have had it as early
    /// as its owner.
    fn check_publishers(&mut self, publishers: &[OwnerEntry<'_>]) {
        let Self::Owned { owner, checks } = self else {
            return;
        };
        let is_candidate = |publisher: &OwnerEntry<'_>| {
            let name = &publisher.owner.name;
            !publisher.owner.is_same(owner) && checks.iter().any(|check| check.entry == *name)
        };
        let mut candidates = owners(publishers, &is_candidate);
        if !candidates.is_empty() {
            candidates.insert(0, owner);
            *self = Self::ambiguous(&candidates);
        }
    }
}

fn find<'a, 'e>(entries: &'e [OwnerEntry<'a>], name: &str) -> Option<&'e OwnerEntry<'a>> {
    entries.iter().find(|entry| entry.owner.name == name)
}

/// The owners of the entries that count, each once.
fn owners<'e>(
    entries: &[OwnerEntry<'e>],
    counts: &dyn Fn(&OwnerEntry<'e>) -> bool,
) -> Vec<&'e Owner> {
    let mut owners: Vec<&Owner> = Vec::new();
    for entry in entries {
        if counts(entry) && !owners.iter().any(|owner| owner.is_same(entry.owner)) {
            owners.push(entry.owner);
        }
    }
    owners
}
