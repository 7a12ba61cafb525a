//! What the readers of keys and those who wait for keys share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use portcullis_core::keys::{KeyRecord, KeySet, TrustKeys};
use portcullis_core::policy::{Policy, Sso};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySource, Trust};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::snapshot::Origin;
use super::waiting::Room;
use super::{Clock, Health, MirrorError, Snapshot};

/// What the readers of keys and those who wait for keys share.
pub(super) struct Desk {
    /// The policy's key sources, each at its place.
    sources: Vec<Trust>,
    /// The place of the companion's own keys.
    own: Option<usize>,
    snapshot: ArcSwap<Snapshot>,
    /// Wakes those who wait, whenever the snapshot is another.
    news: watch::Sender<()>,
    /// Wakes the reader of each source, when somebody waits for it.
    asked: Vec<Notify>,
    room: Room,
    reads: Vec<Arc<Reads>>,
    /// How many keys stood in more than one set when it was last looked at.
    shared: AtomicUsize,
    clock: Clock,
}

/// How the reads of one source have ended.
#[derive(Debug, Default)]
struct Reads {
    good: AtomicU64,
    failed: AtomicU64,
}

impl Desk {
    /// What is known of a policy's key sources before anything was read.
    pub(super) fn new(policy: &Policy, own: Option<&KeySet>, clock: Clock) -> Self {
        let mut sources = policy.trusts().to_vec();
        // A companion does not ask itself.
        sources.extend(policy.sso().map(Sso::keys).cloned().map(|keys| Trust {
            keys: inline(own),
            ..keys
        }));
        Self {
            own: policy.sso().map(|_| policy.trusts().len()),
            snapshot: ArcSwap::from_pointee(Snapshot::new(&sources, clock())),
            news: watch::Sender::new(()),
            asked: sources.iter().map(|_| Notify::new()).collect(),
            room: Room::new(sources.len()),
            reads: sources.iter().map(|_| Arc::default()).collect(),
            shared: AtomicUsize::new(0),
            sources,
            clock,
        }
    }

    /// The same for an edited policy, with what is known here of the sources that are the same.
    pub(super) fn succeed(&self, policy: &Policy, own: Option<&KeySet>) -> Self {
        let mut next = Self::new(policy, own, Arc::clone(&self.clock));
        let before = self.snapshot();
        let ids: Vec<String> = self.sources.iter().map(Trust::keys_id).collect();
        for (place, source) in policy.trusts().iter().enumerate() {
            let counted = self.place(&source.name).and_then(|at| self.reads.get(at));
            if let (Some(reads), Some(own)) = (counted, next.reads.get_mut(place)) {
                *own = Arc::clone(reads);
            }
            let id = source.keys_id();
            let old = ids.iter().position(|other| *other == id);
            if let Some((record, old)) = old.and_then(|old| Some((before.record(old)?, old))) {
                // A read that is under way here tells the next one nothing.
                let record = record.clone().without_lease();
                next.publish(place, record, before.origin(old).cloned());
            }
        }
        next
    }

    /// The policy's key sources, each at its place.
    pub(super) fn sources(&self) -> &[Trust] {
        &self.sources
    }

    /// Takes over the companion's own keys.
    pub(super) fn take_own(&self, own: Option<&KeySet>) {
        let Some(place) = self.own else {
            return;
        };
        if self.snapshot().record(place).and_then(KeyRecord::set) != own {
            self.publish(place, KeyRecord::new(&inline(own), self.now()), None);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Makes known what is known now of the source at this place.
    pub(super) fn publish(&self, place: usize, record: KeyRecord, origin: Option<Origin>) {
        self.snapshot
            .rcu(|snapshot| snapshot.with(place, record.clone(), origin.clone()));
        self.news.send_replace(());
    }

    /// Counts a read that is over. After one that brought keys it says which stand in more than one
    /// set, where these are more than before.
    pub(super) fn count(&self, place: usize, good: bool) {
        if let Some(reads) = self.reads.get(place) {
            let counter = if good { &reads.good } else { &reads.failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if good {
            self.tell_of_shared();
        }
    }

    fn tell_of_shared(&self) {
        let shared = self.snapshot().keyring().shared();
        if shared.len() > self.shared.swap(shared.len(), Ordering::Relaxed) {
            let name = |place: usize| self.sources.get(place).map_or("", |trust| &*trust.name);
            for (thumbprint, one, other) in &shared {
                tracing::warn!(
                    "trusts {} and {} have the same key ({thumbprint}): who can sign for one can \
                     sign for the other, and the first in the policy vouches",
                    name(*one),
                    name(*other)
                );
            }
        }
    }

    /// Returns when somebody waits for the keys of the source at this place.
    pub(super) async fn asked(&self, place: usize) {
        match self.asked.get(place) {
            Some(asked) => asked.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether somebody waits for the keys of the source at this place.
    pub(super) fn is_asked(&self, place: usize) -> bool {
        self.room.is_taken(place)
    }

    pub(super) async fn more(&self, seen: &Snapshot, trusts: &[usize], until: Instant) -> bool {
        let Some(_seat) = self.room.sit(trusts) else {
            return false;
        };
        // Before the first look, so that nothing is missed between the two.
        let mut news = self.news.subscribe();
        for asked in trusts.iter().filter_map(|place| self.asked.get(*place)) {
            asked.notify_one();
        }
        loop {
            let now = self.snapshot();
            if trusts.iter().any(|place| seen.is_behind(&now, *place)) {
                return true;
            }
            if !matches!(timeout_at(until, news.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
    }

    pub(super) fn mirror(&self, trust: &str) -> Result<String, MirrorError> {
        let known = self
            .place(trust)
            .and_then(|place| Some((place, self.sources.get(place)?)));
        let (place, trust) = known
            .filter(|(_, trust)| trust.keys.remote.is_some())
            .ok_or(MirrorError::Unknown)?;
        self.snapshot()
            .mirror(place, trust)
            .ok_or(MirrorError::Unread)
    }

    pub(super) fn health(&self) -> Vec<Health> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let fetched = self.sources.iter().zip(&self.reads).enumerate();
        fetched
            .filter(|(_, (trust, _))| trust.keys.remote.is_some())
            .map(|(place, (trust, reads))| Health {
                trust: trust.name.clone(),
                age: snapshot
                    .keyring()
                    .trust_keys(place)
                    .and_then(|trust_keys: &TrustKeys| trust_keys.age(now)),
                good: reads.good.load(Ordering::Relaxed),
                failed: reads.failed.load(Ordering::Relaxed),
                failures: snapshot.record(place).map_or(0, KeyRecord::failures),
            })
            .collect()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|trust| trust.name == name)
    }
}

/// Keys that are there and never grow stale.
fn inline(keys: Option<&KeySet>) -> KeySource {
    KeySource {
        remote: None,
        inline: keys.cloned(),
        refuse_kids: Vec::new(),
        pins: Vec::new(),
    }
}
