//! A full list: which entries are merged, as described at [`Revocations`].

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
            let of_user = longest_run(&self.entries, Entry::merged_user);
            let of_provider = longest_run(&self.entries, Entry::provider);
            if of_user > MANY {
                self.merge_groups(Entry::merged_user, of_user, excess, merged_user);
            } else if of_provider > 1 {
                self.merge_groups(Entry::provider, of_provider, excess, merged_provider);
            } else {
                self.raise_floor(cutoff(&self.entries, |_| true, excess));
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

    /// Replaces each group of `length` entries by what `merge` makes of it, until `excess` entries are gone. All
    /// such groups at once, because a list may have very many.
    fn merge_groups(
        &mut self,
        group: fn(&Entry) -> Option<Id>,
        length: usize,
        mut excess: usize,
        merge: fn(&[Entry], usize) -> Vec<Entry>,
    ) {
        let mut merged: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for run in self
            .entries
            .chunk_by(|one, next| are_grouped(group, one, next))
        {
            if run.len() == length && excess > 0 {
                let entries = merge(run, excess);
                excess = excess.saturating_sub(length.saturating_sub(entries.len()));
                merged.extend(entries);
            } else {
                merged.extend_from_slice(run);
            }
        }
        self.entries = merged;
    }
}

fn are_grouped(group: fn(&Entry) -> Option<Id>, one: &Entry, next: &Entry) -> bool {
    group(one).is_some() && group(one) == group(next)
}

/// How many entries the group has that has most; 1 if none has two. `group` is the group of an entry; some
/// are in none.
fn longest_run(entries: &[Entry], group: fn(&Entry) -> Option<Id>) -> usize {
    let runs = entries.chunk_by(|one, next| are_grouped(group, one, next));
    runs.map(<[Entry]>::len).max().unwrap_or_default()
}

/// The entries of one user as one, which revokes what any of them revokes, and more of that user alone.
fn merged_user(run: &[Entry], _: usize) -> Vec<Entry> {
    let latest = |time: fn(&Entry) -> Timestamp| run.iter().map(time).max().unwrap_or_default();
    let user = run.first().and_then(|first| first.user);
    let merged = user.map(|user| Entry {
        target: Revoked::User(user),
        user: Some(user),
        before: latest(|entry| entry.before),
        ends: latest(|entry| entry.ends),
    });
    merged.into_iter().collect()
}

/// The entries of one provider with those of each of its users who has most merged or, if none has two, with its
/// oldest merged into its entry for all of its sessions: as many as `excess`, and more if they are as old, but at
/// most half, so that another provider may have most then.
fn merged_provider(run: &[Entry], excess: usize) -> Vec<Entry> {
    let of_user = longest_run(run, Entry::merged_user);
    if of_user > 1 {
        let mut own = Revocations {
            entries: run.to_vec(),
            ..Revocations::default()
        };
        own.merge_groups(Entry::merged_user, of_user, excess, merged_user);
        return own.entries;
    }
    let Some(provider) = run.first().and_then(Entry::provider) else {
        return run.to_vec();
    };
    // The entry for all of its sessions takes the place of one more.
    let has_own = run.iter().any(Entry::is_of_provider);
    let count = excess.min(run.len() / 2);
    let count = count.saturating_add(usize::from(!has_own));
    let before = cutoff(run, |entry| !entry.is_of_provider(), count);
    let is_merged = |entry: &&Entry| entry.is_of_provider() || entry.before <= before;
    let mut merged = Entry {
        target: Revoked::Provider(provider),
        user: Some(provider),
        before,
        ends: Timestamp::default(),
    };
    for entry in run.iter().filter(is_merged) {
        merged.before = merged.before.max(entry.before);
        merged.ends = merged.ends.max(entry.ends);
    }
    let kept: Vec<Entry> = run
        .iter()
        .filter(|entry| !is_merged(entry))
        .copied()
        .collect();
    super::union(&[merged], &kept)
}

/// The earliest time such that at least `count` of these entries that count, which are as many or more, have a
/// `before` until then.
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
