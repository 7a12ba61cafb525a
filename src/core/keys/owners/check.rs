//! What is checked before an entry owns a new key: that no other entry of the issuer had it as early.

use super::OwnerEntry;
use crate::timestamp::Timestamp;

/// What is missing to know that an entry did not have a key as early as its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::keys) struct Check {
    pub(super) entry: String,
    pub(super) state: CheckState,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CheckState {
    /// The entry is in another policy that shares this state, and was not observed since.
    Unobserved,
    /// The entry must be fetched or tried by another attempt than this one.
    Waiting(Attempt),
    /// The entry was tried, and has no set yet. It delays nothing.
    Unfetched,
}

/// The last attempt to fetch the keys of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attempt {
    /// How many fetches of the entry have begun.
    pub(super) number: u64,
    /// Whether it was in progress when the key was observed. Its response may be older than the key
    /// and does not count, but its failure does.
    pub(super) in_progress: bool,
    /// Whether its response counts all the same, because the process has just started.
    pub(super) is_first: bool,
}

impl Check {
    /// Whether the key must wait for the entry with this name.
    pub(in crate::keys) fn blocks(&self, name: &str) -> bool {
        self.entry == name && self.state != CheckState::Unfetched
    }

    /// The check of an entry for a key that `publisher` has; `None` if its keys can't change.
    ///
    /// At the start of a process all entries are fetched at the same time, and these fetches count for
    /// each other. Later ones do not: an entry could delay its response until the other has a new key.
    pub(super) fn begin(
        entry: &OwnerEntry<'_>,
        publisher: Option<&OwnerEntry<'_>>,
        now: Timestamp,
    ) -> Option<Self> {
        let is_first = publisher.is_some_and(|publisher| entry.record.began_with(publisher.record));
        let attempt = Attempt {
            is_first,
            ..entry.attempt(now)
        };
        entry.keys.remote.is_some().then(|| Self {
            entry: entry.owner.name.clone(),
            state: CheckState::Waiting(attempt),
        })
    }

    /// Continues the check with the entry, which does not have the key; `None` if it is done.
    pub(super) fn next(self, entry: &OwnerEntry<'_>, now: Timestamp) -> Option<Self> {
        match self.state {
            CheckState::Unobserved => Self::begin(entry, None, now),
            CheckState::Waiting(before) if !entry.was_tried_since(before, now) => Some(self),
            CheckState::Waiting(_) | CheckState::Unfetched if entry.record.set().is_some() => None,
            CheckState::Waiting(_) | CheckState::Unfetched => Some(Self {
                state: CheckState::Unfetched,
                ..self
            }),
        }
    }
}

impl OwnerEntry<'_> {
    fn attempt(&self, now: Timestamp) -> Attempt {
        Attempt {
            number: self.record.attempts(),
            in_progress: self.record.is_being_fetched(now),
            is_first: false,
        }
    }

    /// Whether the entry was fetched or tried since `before`.
    fn was_tried_since(&self, before: Attempt, now: Timestamp) -> bool {
        let last = self.attempt(now);
        let is_newer = last.number > 0 && last.number != before.number;
        let has_failed = before.in_progress && self.record.failures() > 0;
        !last.in_progress && (is_newer || has_failed || before.is_first)
    }
}
