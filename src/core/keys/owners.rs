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
const MAX_CLAIMS: usize = 4096;

/// The maximum number of entries of one issuer, including those of earlier policies.
const MAX_ENTRIES: usize = 256;

/// The owners of the keys of one issuer. The workers of a proxy share it as text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyOwners {
    /// The names of the known entries, in the order in which they became known.
    entries: Vec<String>,
    /// The keys, the oldest first.
    claims: Vec<Claim>,
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
pub(super) enum Claimed<'a> {
    /// The key was not observed yet.
    Unknown,
    /// The key belongs to this owner, after these checks.
    By(&'a Owner, &'a [Check]),
    /// It is unknown which of several owners had the key first.
    Ambiguous,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Claim {
    key: Thumbprint,
    state: State,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Owned {
        owner: Owner,
        /// The entries that may have had the key as early.
        checks: Vec<Check>,
    },
    Ambiguous {
        claimants: Vec<Owner>,
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
        let mut shown: Vec<(Thumbprint, Vec<OwnerEntry<'_>>)> = Vec::new();
        for entry in entries {
            for key in entry.keys(now) {
                match shown.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, holders)) => holders.push(*entry),
                    None => shown.push((key, vec![*entry])),
                }
            }
        }
        let is_shown = |key: Thumbprint| shown.iter().any(|(other, _)| *other == key);
        self.forget(entries, is_shown);
        for (key, holders) in &shown {
            self.claim(*key, holders, entries, now);
        }
        for claim in &mut self.claims {
            if let State::Owned { checks, .. } = &mut claim.state {
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
    fn forget(&mut self, entries: &[OwnerEntry<'_>], is_shown: impl Fn(Thumbprint) -> bool) {
        for owner in owners(entries, &|_| true) {
            let is_former = |claim: &Claim| {
                let first = claim.state.first_owner();
                first.is_some_and(|first| first.is_same(owner)) && !is_shown(claim.key)
            };
            let former = self.claims.iter().filter(|claim| is_former(claim));
            let mut excess = former.count().saturating_sub(MAX_FORMER);
            self.remove_oldest(&mut excess, is_former);
        }
        let mut excess = self.claims.len().saturating_sub(MAX_CLAIMS / 2);
        self.remove_oldest(&mut excess, |claim| !is_shown(claim.key));
    }

    fn remove_oldest(&mut self, excess: &mut usize, may_go: impl Fn(&Claim) -> bool) {
        if *excess > 0 {
            self.claims.retain(|claim| {
                let keeps = *excess == 0 || !may_go(claim);
                *excess = excess.saturating_sub(usize::from(!keeps));
                keeps
            });
        }
    }

    /// Records who has a key.
    fn claim(
        &mut self,
        key: Thumbprint,
        holders: &[OwnerEntry<'_>],
        entries: &[OwnerEntry<'_>],
        now: Timestamp,
    ) {
        let declared = owners(entries, &|entry| entry.keys.declares(key));
        let holding = owners(holders, &|_| true);
        let new = match (&*declared, &*holding) {
            ([owner], _) => State::owned(owner, Vec::new()),
            (_, [owner]) => State::owned(owner, self.checks(owner, holders, entries, now)),
            _ => State::ambiguous(&holding),
        };
        let has_room = self.claims.len() < MAX_CLAIMS;
        match self.claims.iter_mut().find(|claim| claim.key == key) {
            None if has_room => {
                self.claims.push(Claim { key, state: new });
            }
            None => {}
            Some(claim) if declared.len() != 1 => claim.state.contest(holders),
            Some(claim) if claim.state.is_settled_for(&declared) => {}
            Some(claim) => claim.state = new,
        }
    }

    /// The checks for a new key of this owner.
    fn checks(
        &self,
        owner: &Owner,
        holders: &[OwnerEntry<'_>],
        entries: &[OwnerEntry<'_>],
        now: Timestamp,
    ) -> Vec<Check> {
        let names = self.entries.iter().filter(|name| **name != owner.name);
        let checks = names.filter_map(|name| match find(entries, name) {
            Some(entry) if entry.owner.is_same(owner) => None,
            Some(entry) => Check::begin(entry, holders.first(), now),
            None => Some(Check {
                entry: name.clone(),
                state: CheckState::Unobserved,
            }),
        });
        checks.collect()
    }

    /// Whether a new key waits until this entry is fetched or tried.
    pub fn waits_for(&self, name: &str) -> bool {
        self.claims.iter().any(|claim| match &claim.state {
            State::Owned { checks, .. } => checks.iter().any(|check| check.blocks(name)),
            State::Ambiguous { .. } => false,
        })
    }

    /// The owner of a key.
    pub(super) fn find(&self, key: Thumbprint) -> Claimed<'_> {
        let claim = self.claims.iter().find(|claim| claim.key == key);
        match claim.map(|claim| &claim.state) {
            None => Claimed::Unknown,
            Some(State::Owned { owner, checks }) => Claimed::By(owner, checks),
            Some(State::Ambiguous { .. }) => Claimed::Ambiguous,
        }
    }

    /// The ambiguous keys, each with the names of the entries that have or had it.
    pub(super) fn ambiguous(&self) -> impl Iterator<Item = (Thumbprint, Vec<&str>)> {
        self.claims.iter().filter_map(|claim| match &claim.state {
            State::Owned { .. } => None,
            State::Ambiguous { claimants } => {
                Some((claim.key, claimants.iter().map(Owner::name).collect()))
            }
        })
    }
}

// === impl State ===

impl State {
    fn owned(owner: &Owner, checks: Vec<Check>) -> Self {
        Self::Owned {
            owner: owner.clone(),
            checks,
        }
    }

    fn ambiguous(claimants: &[&Owner]) -> Self {
        Self::Ambiguous {
            claimants: claimants.iter().copied().cloned().collect(),
        }
    }

    fn first_owner(&self) -> Option<&Owner> {
        match self {
            Self::Owned { owner, .. } => Some(owner),
            Self::Ambiguous { claimants } => claimants.first(),
        }
    }

    fn is_settled_for(&self, declared: &[&Owner]) -> bool {
        match self {
            Self::Owned { owner, checks } => {
                checks.is_empty() && declared.iter().any(|other| other.is_same(owner))
            }
            Self::Ambiguous { .. } => false,
        }
    }

    /// Makes the key ambiguous if one of these entries, which have it now, may have had it as early
    /// as its owner.
    fn contest(&mut self, holders: &[OwnerEntry<'_>]) {
        let Self::Owned { owner, checks } = self else {
            return;
        };
        let is_rival = |holder: &OwnerEntry<'_>| {
            let name = &holder.owner.name;
            !holder.owner.is_same(owner) && checks.iter().any(|check| check.entry == *name)
        };
        let mut claimants = owners(holders, &is_rival);
        if !claimants.is_empty() {
            claimants.insert(0, owner);
            *self = Self::ambiguous(&claimants);
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
