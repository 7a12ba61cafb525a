//! What the readers of keys and those who wait for keys share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use portcullis_core::keys::{KeyRecord, KeySet, TrustKeys};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySource, KeySourceId, PerKeySource, Trust};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::snapshot::Origin;
use super::waiting::Room;
use super::{Clock, Health, MirrorError, Snapshot};

/// What the readers of keys and those who wait for keys share.
pub(super) struct Desk {
    /// The policy's key sources, each with its id.
    sources: PerKeySource<Trust>,
    snapshot: ArcSwap<Snapshot>,
    /// Wakes those who wait, whenever the snapshot is another.
    news: watch::Sender<()>,
    /// Wakes the reader of each source, when somebody waits for it.
    asked: PerKeySource<Notify>,
    room: Room,
    reads: PerKeySource<Arc<Reads>>,
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
        let sources = policy.key_sources().map(|(id, trust)| {
            let mut trust = trust.clone();
            if id == KeySourceId::Companion {
                // Its own keys are here already; nothing has to be fetched.
                trust.keys = inline(own);
            }
            (id, trust)
        });
        let sources: PerKeySource<Trust> = sources.collect();
        Self {
            snapshot: ArcSwap::from_pointee(Snapshot::new(&sources, clock())),
            news: watch::Sender::new(()),
            asked: sources.map(|_| Notify::new()),
            room: Room::new(&sources),
            reads: sources.map(|_| Arc::default()),
            shared: AtomicUsize::new(0),
            sources,
            clock,
        }
    }

    /// The same for an edited policy, with what is known here of the sources that are the same.
    pub(super) fn succeed(&self, policy: &Policy, own: Option<&KeySet>) -> Self {
        let mut next = Self::new(policy, own, Arc::clone(&self.clock));
        let before = self.snapshot();
        let ids = self.sources.map(Trust::keys_id);
        for (id, trust) in next.sources.iter() {
            if id == KeySourceId::Companion {
                continue;
            }
            let keys_id = trust.keys_id();
            let old = ids.iter().find(|(_, other)| **other == keys_id);
            if let Some((record, old)) = old.and_then(|(old, _)| Some((before.record(old)?, old))) {
                // A read that is under way here tells the next one nothing.
                let record = record.clone().without_lease();
                next.publish(id, record, before.origin(old).cloned());
            }
        }
        let counts = next.sources.iter().map(|(id, trust)| {
            let counted = self.source(&trust.name).and_then(|old| self.reads.get(old));
            (id, counted.map(Arc::clone).unwrap_or_default())
        });
        let counts = counts.collect();
        next.reads = counts;
        next
    }

    /// The policy's key sources, each with its id.
    pub(super) const fn sources(&self) -> &PerKeySource<Trust> {
        &self.sources
    }

    /// Takes over the companion's own keys.
    pub(super) fn take_own(&self, own: Option<&KeySet>) {
        let companion = KeySourceId::Companion;
        let snapshot = self.snapshot();
        let known = snapshot.record(companion);
        if known.is_some_and(|record| record.set() != own) {
            self.publish(companion, KeyRecord::new(&inline(own), self.now()), None);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Makes known what is known now of this source.
    pub(super) fn publish(&self, source: KeySourceId, record: KeyRecord, origin: Option<Origin>) {
        self.snapshot
            .rcu(|snapshot| snapshot.with(source, record.clone(), origin.clone()));
        self.news.send_replace(());
    }

    /// Counts a read that is over. After one that brought keys it says which stand in more than one
    /// set, where these are more than before.
    pub(super) fn count(&self, source: KeySourceId, good: bool) {
        if let Some(reads) = self.reads.get(source) {
            let counter = if good { &reads.good } else { &reads.failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if good {
            self.tell_of_shared();
        }
    }

    fn tell_of_shared(&self) {
        let snapshot = self.snapshot();
        let shared = snapshot.keyring().shared();
        if shared.len() > self.shared.swap(shared.len(), Ordering::Relaxed) {
            for key in &shared {
                tracing::warn!("{key}");
            }
        }
    }

    /// Returns when somebody waits for the keys of this source.
    pub(super) async fn asked(&self, source: KeySourceId) {
        match self.asked.get(source) {
            Some(asked) => asked.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether somebody waits for the keys of this source.
    pub(super) fn is_asked(&self, source: KeySourceId) -> bool {
        self.room.is_taken(source)
    }

    pub(super) async fn more(
        &self,
        seen: &Snapshot,
        sources: &[KeySourceId],
        until: Instant,
    ) -> bool {
        let Some(_seat) = self.room.sit(sources) else {
            return false;
        };
        // Before the first look, so that nothing is missed between the two.
        let mut news = self.news.subscribe();
        for asked in sources.iter().filter_map(|source| self.asked.get(*source)) {
            asked.notify_one();
        }
        loop {
            let now = self.snapshot();
            if sources.iter().any(|source| seen.is_behind(&now, *source)) {
                return true;
            }
            if !matches!(timeout_at(until, news.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
    }

    pub(super) fn mirror(&self, trust: &str) -> Result<String, MirrorError> {
        let known = self
            .source(trust)
            .and_then(|id| Some((id, self.sources.get(id)?)));
        let (id, trust) = known
            .filter(|(_, trust)| trust.keys.remote.is_some())
            .ok_or(MirrorError::Unknown)?;
        self.snapshot().mirror(id, trust).ok_or(MirrorError::Unread)
    }

    pub(super) fn health(&self) -> Vec<Health> {
        let (snapshot, now) = (self.snapshot(), self.now());
        self.sources
            .iter()
            .filter(|(_, trust)| trust.keys.remote.is_some())
            .map(|(id, trust)| {
                let reads = self.reads.get(id);
                let count = |of: fn(&Reads) -> &AtomicU64| {
                    reads.map_or(0, |reads| of(reads).load(Ordering::Relaxed))
                };
                Health {
                    trust: trust.name.clone(),
                    age: snapshot
                        .keyring()
                        .trust_keys(id)
                        .and_then(|trust_keys: &TrustKeys| trust_keys.age(now)),
                    good: count(|reads| &reads.good),
                    failed: count(|reads| &reads.failed),
                    failures: snapshot.record(id).map_or(0, KeyRecord::failures),
                }
            })
            .collect()
    }

    fn source(&self, name: &str) -> Option<KeySourceId> {
        let mut sources = self.sources.iter();
        sources
            .find(|(_, trust)| trust.name == name)
            .map(|(id, _)| id)
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
