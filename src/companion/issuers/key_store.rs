//! The keys of all trust entries, shared by the tasks that fetch them and by the requests that wait for keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use portcullis_core::keys::{KeyRecord, KeySet, TrustKeys};
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySource, KeySourceId, PerKeySource, Trust};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::snapshot::LastFetch;
use super::waiters::WaiterLimits;
use super::{Clock, KeyHealth, MirrorError, Snapshot};

/// The keys of all trust entries, shared by the tasks that fetch them and by the requests that wait for keys.
pub(super) struct KeyStore {
    /// The policy's key sources.
    sources: PerKeySource<Trust>,
    /// The keys as of now. Requests that wait for keys subscribe to it.
    snapshot: watch::Sender<Arc<Snapshot>>,
    /// Wakes the refresher of each source when a request waits for its keys.
    requested: PerKeySource<Notify>,
    waiters: WaiterLimits,
    fetches: PerKeySource<Arc<FetchCounters>>,
    /// How many keys were in more than one set at the last check.
    duplicates: AtomicUsize,
    /// How many keys were ambiguous at the last check.
    ambiguous: AtomicUsize,
    clock: Clock,
}

/// How many fetches of one source succeeded and failed.
#[derive(Debug, Default)]
struct FetchCounters {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl KeyStore {
    /// The store for a policy before any key was fetched.
    pub(super) fn new(policy: &Policy, session_keys: Option<&KeySet>, clock: Clock) -> Self {
        let sources = policy.key_sources().map(|(id, trust)| {
            let mut trust = trust.clone();
            if id == KeySourceId::Companion {
                // The companion has its own keys and does not fetch them.
                trust.keys = inline(session_keys);
            }
            (id, trust)
        });
        let sources: PerKeySource<Trust> = sources.collect();
        Self {
            snapshot: watch::Sender::new(Arc::new(Snapshot::new(&sources, clock()))),
            requested: sources.map(|_| Notify::new()),
            waiters: WaiterLimits::new(&sources),
            fetches: sources.map(|_| Arc::default()),
            duplicates: AtomicUsize::new(0),
            ambiguous: AtomicUsize::new(0),
            sources,
            clock,
        }
    }

    /// The store for an edited policy, with the keys of unchanged sources.
    pub(super) fn with_policy(&self, policy: &Policy, session_keys: Option<&KeySet>) -> Self {
        let mut next = Self::new(policy, session_keys, Arc::clone(&self.clock));
        let before = self.snapshot();
        let owners = next.snapshot().with_owners_of(&before);
        next.snapshot.send_replace(Arc::new(owners));
        let ids = self.sources.map(Trust::keys_id);
        for (id, trust) in next.sources.iter() {
            if id == KeySourceId::Companion {
                continue;
            }
            let keys_id = trust.keys_id();
            let old = ids.iter().find(|(_, other)| **other == keys_id);
            if let Some((record, old)) = old.and_then(|(old, _)| Some((before.record(old)?, old))) {
                // A fetch in flight here does not complete in the next store.
                let record = record.clone().without_lease();
                next.publish(id, record, before.last_fetch(old).cloned());
            }
        }
        let fetches = next.sources.iter().map(|(id, trust)| {
            let counted = self.id(&trust.name).and_then(|old| self.fetches.get(old));
            (id, counted.map(Arc::clone).unwrap_or_default())
        });
        let fetches = fetches.collect();
        next.fetches = fetches;
        next
    }

    /// The policy's key sources.
    pub(super) const fn sources(&self) -> &PerKeySource<Trust> {
        &self.sources
    }

    /// Replaces the companion's own session keys.
    pub(super) fn set_session_keys(&self, keys: Option<&KeySet>) {
        let companion = KeySourceId::Companion;
        let snapshot = self.snapshot();
        let current = snapshot.record(companion);
        if current.is_some_and(|record| record.set() != keys) {
            let record = KeyRecord::new(&inline(keys), self.now());
            self.publish(companion, record, None);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// Publishes the record of this source, and wakes the requests that wait for keys and the refreshers
    /// that a new key waits for.
    pub(super) fn publish(
        &self,
        source: KeySourceId,
        record: KeyRecord,
        last_fetch: Option<LastFetch>,
    ) {
        let now = self.now();
        self.snapshot.send_modify(|snapshot| {
            *snapshot = Arc::new(snapshot.with(source, record, last_fetch, now));
        });
        let snapshot = self.snapshot();
        for (source, requested) in self.requested.iter() {
            if snapshot.keyring().is_awaited(source) {
                requested.notify_one();
            }
        }
    }

    /// Counts a completed fetch. After a successful one it warns of keys that are in more than one set, if
    /// there are more of them than before.
    pub(super) fn count(&self, source: KeySourceId, succeeded: bool) {
        if let Some(fetches) = self.fetches.get(source) {
            let counter = if succeeded {
                &fetches.succeeded
            } else {
                &fetches.failed
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if succeeded {
            self.warn_of_duplicate_keys();
        }
        self.warn_of_ambiguous_keys();
    }

    fn warn_of_ambiguous_keys(&self) {
        let snapshot = self.snapshot();
        let ambiguous = snapshot.keyring().ambiguous_keys();
        if ambiguous.len() > self.ambiguous.swap(ambiguous.len(), Ordering::Relaxed) {
            for key in &ambiguous {
                tracing::warn!("{key}");
            }
        }
    }

    /// How many keys are ambiguous now: see [`portcullis_core::keys::KeyStatus::Ambiguous`].
    pub(super) fn ambiguous_keys(&self) -> usize {
        self.snapshot().keyring().ambiguous_keys().len()
    }

    fn warn_of_duplicate_keys(&self) {
        let snapshot = self.snapshot();
        let duplicates = snapshot.keyring().duplicate_keys();
        if duplicates.len() > self.duplicates.swap(duplicates.len(), Ordering::Relaxed) {
            for key in &duplicates {
                tracing::warn!("{key}");
            }
        }
    }

    /// Returns when a request waits for the keys of this source.
    pub(super) async fn requested(&self, source: KeySourceId) {
        match self.requested.get(source) {
            Some(requested) => requested.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether a request waits for the keys of this source.
    pub(super) fn is_requested(&self, source: KeySourceId) -> bool {
        self.waiters.has_waiters(source)
    }

    pub(super) async fn wait_for_newer(
        &self,
        seen: &Snapshot,
        sources: &[KeySourceId],
        until: Instant,
    ) -> bool {
        let Some(_permit) = self.waiters.acquire(sources) else {
            return false;
        };
        // Subscribed before the first comparison, so that no snapshot is missed in between.
        let mut snapshots = self.snapshot.subscribe();
        for requested in sources
            .iter()
            .filter_map(|source| self.requested.get(*source))
        {
            requested.notify_one();
        }
        let is_newer =
            |now: &Arc<Snapshot>| sources.iter().any(|source| seen.is_behind(now, *source));
        matches!(
            timeout_at(until, snapshots.wait_for(is_newer)).await,
            Ok(Ok(_))
        )
    }

    pub(super) fn mirror(&self, trust: &str) -> Result<String, MirrorError> {
        let source = self
            .id(trust)
            .and_then(|id| Some((id, self.sources.get(id)?)));
        let (id, trust) = source
            .filter(|(_, trust)| trust.keys.remote.is_some())
            .ok_or(MirrorError::Unknown)?;
        self.snapshot()
            .mirror(id, trust)
            .ok_or(MirrorError::NotFetched)
    }

    pub(super) fn health(&self) -> Vec<KeyHealth> {
        let (snapshot, now) = (self.snapshot(), self.now());
        self.sources
            .iter()
            .filter(|(_, trust)| trust.keys.remote.is_some())
            .map(|(id, trust)| {
                let fetches = self.fetches.get(id);
                let count = |of: fn(&FetchCounters) -> &AtomicU64| {
                    fetches.map_or(0, |fetches| of(fetches).load(Ordering::Relaxed))
                };
                KeyHealth {
                    trust: trust.name.clone(),
                    age: snapshot
                        .keyring()
                        .trust_keys(id)
                        .and_then(|trust_keys: &TrustKeys| trust_keys.age(now)),
                    succeeded: count(|fetches| &fetches.succeeded),
                    failed: count(|fetches| &fetches.failed),
                    failures: snapshot.record(id).map_or(0, KeyRecord::failures),
                }
            })
            .collect()
    }

    fn id(&self, name: &str) -> Option<KeySourceId> {
        let mut sources = self.sources.iter();
        sources
            .find(|(_, trust)| trust.name == name)
            .map(|(id, _)| id)
    }
}

/// Inline keys, which never go stale.
fn inline(keys: Option<&KeySet>) -> KeySource {
    KeySource {
        remote: None,
        inline: keys.cloned(),
        refuse_kids: Vec::new(),
        pins: Vec::new(),
    }
}
