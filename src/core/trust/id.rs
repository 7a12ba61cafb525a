//! IDs for the key sources of a policy: its trust entries, and the companion.

use super::Trust;

/// The id of a trust entry, from [`crate::policy::Policy::key_sources`]. It is valid for one policy
/// only.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TrustId(usize);

/// The id of a key source: a trust entry, or the companion, whose keys verify session tokens.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum KeySourceId {
    /// A trust entry.
    Trust(TrustId),
    /// The companion.
    Companion,
}

/// One value for each key source of a policy.
#[derive(Clone, Debug)]
pub struct PerKeySource<T> {
    trusts: Vec<T>,
    companion: Option<T>,
}

// === impl TrustId ===

impl TrustId {
    /// The entries of a policy, each with its id, in the policy's order.
    pub(crate) fn enumerate(trusts: &[Trust]) -> impl Iterator<Item = (Self, &Trust)> + Clone {
        trusts
            .iter()
            .enumerate()
            .map(|(index, trust)| (Self(index), trust))
    }

    /// The id of the entry at an index of [`crate::policy::Policy::trusts`].
    pub const fn at(index: usize) -> Self {
        Self(index)
    }
}

// === impl KeySourceId ===

impl From<TrustId> for KeySourceId {
    fn from(id: TrustId) -> Self {
        Self::Trust(id)
    }
}

// === impl PerKeySource ===

impl<T> Default for PerKeySource<T> {
    fn default() -> Self {
        Self {
            trusts: Vec::new(),
            companion: None,
        }
    }
}

impl<T> PerKeySource<T> {
    /// The value of one source; `None` if the policy has no such source.
    pub fn get(&self, id: KeySourceId) -> Option<&T> {
        match id {
            KeySourceId::Trust(TrustId(index)) => self.trusts.get(index),
            KeySourceId::Companion => self.companion.as_ref(),
        }
    }

    /// The value of one source, mutable.
    pub fn get_mut(&mut self, id: KeySourceId) -> Option<&mut T> {
        match id {
            KeySourceId::Trust(TrustId(index)) => self.trusts.get_mut(index),
            KeySourceId::Companion => self.companion.as_mut(),
        }
    }

    /// All values, each with its source: the trust entries in the policy's order, then the
    /// companion.
    pub fn iter(&self) -> impl Iterator<Item = (KeySourceId, &T)> + Clone {
        let trusts = self.trusts.iter().enumerate();
        let trusts = trusts.map(|(index, value)| (TrustId(index).into(), value));
        let companion = self.companion.iter();
        trusts.chain(companion.map(|value| (KeySourceId::Companion, value)))
    }

    /// Maps every value.
    #[must_use]
    pub fn map<U>(&self, mut of: impl FnMut(&T) -> U) -> PerKeySource<U> {
        PerKeySource {
            trusts: self.trusts.iter().map(&mut of).collect(),
            companion: self.companion.as_ref().map(of),
        }
    }
}

/// Collects values in the order of [`crate::policy::Policy::key_sources`].
impl<T> FromIterator<(KeySourceId, T)> for PerKeySource<T> {
    fn from_iter<I: IntoIterator<Item = (KeySourceId, T)>>(values: I) -> Self {
        let mut all = Self::default();
        for (id, value) in values {
            match id {
                KeySourceId::Trust(_) => all.trusts.push(value),
                KeySourceId::Companion => all.companion = Some(value),
            }
        }
        all
    }
}
