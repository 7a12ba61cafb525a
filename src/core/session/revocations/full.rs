//! A full list: which entries are merged, as described at [`Revocations`].

use std::ops::Range;

use super::{Entry, Revocations, Revoked};
use crate::session::Id;
use crate::timestamp::Timestamp;

/// More entries than this of one user are merged in a full list before anybody else's, so that one
/// user can't fill the list.
const MANY: usize = 64;

impl Revocations {
    /// Brings a list that is too long back to its maximum, as described at [`Revocations`].
    pub(super) fn shrink(&mut self) {
        while let Some(excess) = self.excess() {
            let all = 0..self.entries.len();
            let by_user = self.longest_run(&all, Entry::merged_user);
            if let Some(run) = by_user.filter(|run| run.len() > MANY) {
                self.merge_users(&all, run.len(), excess);
            } else if let Some(provider) = self.longest_run(&all, Entry::provider) {
                if let Some(run) = self.longest_run(&provider, Entry::merged_user) {
                    self.merge_users(&provider, run.len(), excess);
                } else {
                    // At most half of them, so that another provider may have most then.
                    let count = excess.min(provider.len() / 2);
                    self.merge_oldest_of_provider(provider, count);
                }
            } else {
                self.raise_floor(Self::cutoff(&self.entries, |_| true, excess));
                // The floor now covers these entries.
                let floor = self.floor;
                self.entries.retain(|entry| entry.before > floor);
            }
        }
    }

    /// How many entries are too many; `None` if the list has room.
    fn excess(&self) -> Option<usize> {
        let excess = self.entries.len().checked_sub(Self::MAX_ENTRIES)?;
        Some(excess).filter(|excess| *excess > 0)
    }

    /// The earliest time such that at least `count` of these entries that count, which are as many or
    /// more, have a `before` until then.
    fn cutoff(entries: &[Entry], counts: fn(&Entry) -> bool, count: usize) -> Timestamp {
        let entries = || entries.iter().filter(|entry| counts(entry));
        let times = || entries().map(|entry| entry.before.millis());
        let mut low = times().min().unwrap_or_default();
        let mut high = times().max().unwrap_or_default();
        while low < high {
            let middle = low.midpoint(high);
            if times().filter(|time| *time <= middle).count() < count {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        Timestamp::from_millis(low)
    }

    /// The entries of the group that has most of those in `range`; `None` if none has two. `group` is
    /// the group of an entry; some are in none.
    fn longest_run(
        &self,
        range: &Range<usize>,
        group: fn(&Entry) -> Option<Id>,
    ) -> Option<Range<usize>> {
        let mut longest = 0..1;
        let (mut start, mut current) = (0, None);
        let entries = self.entries.iter().enumerate();
        for (at, entry) in entries.take(range.end).skip(range.start) {
            let own = group(entry);
            if own.is_none() || own != current {
                (start, current) = (at, own);
            }
            let run = start..at.saturating_add(1);
            if run.len() > longest.len() {
                longest = run;
            }
        }
        (longest.len() > 1).then_some(longest)
    }

    /// Merges the entries of each user who has `length` of them in `range` into one, which revokes
    /// what any of them revokes, and more of that user alone. It stops when `excess` entries are gone.
    fn merge_users(&mut self, range: &Range<usize>, length: usize, mut excess: usize) {
        let mut merged: Vec<Entry> = Vec::with_capacity(self.entries.len());
        let mut rest = self.entries.as_slice();
        while let Some(first) = rest.first() {
            let start = self.entries.len().saturating_sub(rest.len());
            let same = rest.iter().take_while(|entry| {
                entry.merged_user().is_some() && entry.merged_user() == first.merged_user()
            });
            let (run, behind) = rest.split_at(same.count().max(1));
            rest = behind;
            if run.len() != length || excess == 0 || !range.contains(&start) {
                merged.extend_from_slice(run);
                continue;
            }
            excess = excess.saturating_sub(length.saturating_sub(1));
            let latest = |time: fn(&Entry) -> Timestamp| run.iter().map(time).max();
            merged.push(Entry {
                target: first.user.map_or(first.target, Revoked::User),
                user: first.user,
                before: latest(|entry| entry.before).unwrap_or_default(),
                ends: latest(|entry| entry.ends).unwrap_or_default(),
            });
        }
        self.entries = merged;
    }

    /// Merges the `count` oldest entries of one provider, and more if they are as old, into its entry
    /// for all of its sessions. The first time, that adds an entry.
    fn merge_oldest_of_provider(&mut self, run: Range<usize>, count: usize) {
        let entries = self.entries.get(run).unwrap_or_default();
        let Some(provider) = entries.first().and_then(Entry::provider) else {
            return;
        };
        let before = Self::cutoff(entries, |entry| !entry.is_of_provider(), count);
        let mut ends = Timestamp::default();
        self.entries.retain(|entry| {
            let is_merged = entry.before <= before
                && !entry.is_of_provider()
                && entry.provider() == Some(provider);
            if is_merged {
                ends = ends.max(entry.ends);
            }
            !is_merged
        });
        self.insert(Entry {
            target: Revoked::Provider(provider),
            user: Some(provider),
            before,
            ends,
        });
    }
}

impl Entry {
    /// The user with whose other entries it may be merged.
    fn merged_user(&self) -> Option<Id> {
        self.user.filter(|_| !self.is_of_provider())
    }

    /// The provider of its user.
    fn provider(&self) -> Option<Id> {
        self.user.map(Id::provider)
    }

    /// Whether it revokes all sessions of a provider.
    pub(super) const fn is_of_provider(&self) -> bool {
        matches!(self.target, Revoked::Provider(_))
    }
}
