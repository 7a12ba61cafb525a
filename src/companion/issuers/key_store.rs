//! The keys of all trust entries, shared by their readers and by the requests that wait for keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use portcullis_core::keys::{KeyRecord, KeySet, TrustKeys};
use portcullis_core::policy::{Policy, Sso};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySource, Trust};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::snapshot::Origin;
use super::waiters::WaiterLimits;
use super::{Clock, Health, MirrorError, Snapshot};

/// The keys of all trust entries, shared by their readers and by the requests that wait for keys.
pub(super) struct KeyStore {
    /// The policy's key sources, by index.
    sources: Vec<Trust>,
    /// The index of the companion's own session keys; `None` where the policy has no `sso`.
    session_keys: Option<usize>,
    /// The keys as of now. Requests that wait for keys subscribe to it.
    snapshot: watch::Sender<Arc<Snapshot>>,
    /// Wakes the reader of each source when a request waits for its keys.
    requested: Vec<Notify>,
    waiters: WaiterLimits,
    reads: Vec<Arc<ReadCounters>>,
    /// How many keys were in more than one set at the last check.
    shared: AtomicUsize,
    clock: Clock,
}

/// How many reads of one source succeeded and failed.
#[derive(Debug, Default)]
struct ReadCounters {
    good: AtomicU64,
    failed: AtomicU64,
}

impl KeyStore {
    /// The store for a policy before any key was read.
    pub(super) fn new(policy: &Policy, session_keys: Option<&KeySet>, clock: Clock) -> Self {
        let mut sources = policy.trusts().to_vec();
        // The companion has its own keys and does not fetch them.
        sources.extend(policy.sso().map(Sso::keys).cloned().map(|keys| Trust {
            keys: inline(session_keys),
            ..keys
        }));
        Self {
            session_keys: policy.sso().map(|_| policy.trusts().len()),
            snapshot: watch::Sender::new(Arc::new(Snapshot::new(&sources, clock()))),
            requested: sources.iter().map(|_| Notify::new()).collect(),
            waiters: WaiterLimits::new(sources.len()),
            reads: sources.iter().map(|_| Arc::default()).collect(),
            shared: AtomicUsize::new(0),
            sources,
            clock,
        }
    }

    /// The store for an edited policy, with the keys of the sources that are unchanged.
    pub(super) fn with_policy(&self, policy: &Policy, session_keys: Option<&KeySet>) -> Self {
        let mut next = Self::new(policy, session_keys, Arc::clone(&self.clock));
        let before = self.snapshot();
        let ids: Vec<String> = self.sources.iter().map(Trust::keys_id).collect();
        for (trust, source) in policy.trusts().iter().enumerate() {
            let counted = self.index(&source.name).and_then(|at| self.reads.get(at));
            if let (Some(reads), Some(own)) = (counted, next.reads.get_mut(trust)) {
                *own = Arc::clone(reads);
            }
            let id = source.keys_id();
            let old = ids.iter().position(|other| *other == id);
            if let Some((record, old)) = old.and_then(|old| Some((before.record(old)?, old))) {
                // A read in flight here does not complete in the next store.
                let record = record.clone().without_lease();
                next.publish(trust, record, before.origin(old).cloned());
            }
        }
        next
    }

    /// The policy's key sources, by index.
    pub(super) fn sources(&self) -> &[Trust] {
        &self.sources
    }

    /// Replaces the companion's own session keys.
    pub(super) fn set_session_keys(&self, keys: Option<&KeySet>) {
        let Some(trust) = self.session_keys else {
            return;
        };
        if self.snapshot().record(trust).and_then(KeyRecord::set) != keys {
            self.publish(trust, KeyRecord::new(&inline(keys), self.now()), None);
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// Publishes the record of this source and wakes the requests that wait for keys.
    pub(super) fn publish(&self, trust: usize, record: KeyRecord, origin: Option<Origin>) {
        self.snapshot.send_modify(|snapshot| {
            *snapshot = Arc::new(snapshot.with(trust, record, origin));
        });
    }

    /// Counts a completed read. After a good one it warns of keys that are in more than one set, if
    /// there are more of them than before.
    pub(super) fn count(&self, trust: usize, good: bool) {
        if let Some(reads) = self.reads.get(trust) {
            let counter = if good { &reads.good } else { &reads.failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if good {
            self.warn_of_shared_keys();
        }
    }

    fn warn_of_shared_keys(&self) {
        let shared = self.snapshot().keyring().shared();
        if shared.len() > self.shared.swap(shared.len(), Ordering::Relaxed) {
            let name = |trust: usize| self.sources.get(trust).map_or("", |trust| &*trust.name);
            for (thumbprint, one, other) in &shared {
                tracing::warn!(
                    "trust entries {} and {} have the same key ({thumbprint}): the holder of its \
                     private key can sign for both, and the first entry in the policy is used",
                    name(*one),
                    name(*other)
                );
            }
        }
    }

    /// Returns when a request waits for the keys of this source.
    pub(super) async fn requested(&self, trust: usize) {
        match self.requested.get(trust) {
            Some(requested) => requested.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether a request waits for the keys of this source.
    pub(super) fn is_requested(&self, trust: usize) -> bool {
        self.waiters.has_waiters(trust)
    }

    pub(super) async fn wait_for_newer(
        &self,
        seen: &Snapshot,
        trusts: &[usize],
        until: Instant,
    ) -> bool {
        let Some(_permit) = self.waiters.acquire(trusts) else {
            return false;
        };
        // Subscribed before the first comparison, so that no snapshot is missed in between.
        let mut snapshots = self.snapshot.subscribe();
        for requested in trusts.iter().filter_map(|trust| self.requested.get(*trust)) {
            requested.notify_one();
        }
        let is_newer = |now: &Arc<Snapshot>| trusts.iter().any(|trust| seen.is_behind(now, *trust));
        matches!(
            timeout_at(until, snapshots.wait_for(is_newer)).await,
            Ok(Ok(_))
        )
    }

    pub(super) fn mirror(&self, trust: &str) -> Result<String, MirrorError> {
        let known = self
            .index(trust)
            .and_then(|index| Some((index, self.sources.get(index)?)));
        let (index, trust) = known
            .filter(|(_, trust)| trust.keys.remote.is_some())
            .ok_or(MirrorError::Unknown)?;
        self.snapshot()
            .mirror(index, trust)
            .ok_or(MirrorError::Unread)
    }

    pub(super) fn health(&self) -> Vec<Health> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let fetched = self.sources.iter().zip(&self.reads).enumerate();
        fetched
            .filter(|(_, (trust, _))| trust.keys.remote.is_some())
            .map(|(index, (trust, reads))| Health {
                trust: trust.name.clone(),
                age: snapshot
                    .keyring()
                    .trust_keys(index)
                    .and_then(|trust_keys: &TrustKeys| trust_keys.age(now)),
                good: reads.good.load(Ordering::Relaxed),
                failed: reads.failed.load(Ordering::Relaxed),
                failures: snapshot.record(index).map_or(0, KeyRecord::failures),
            })
            .collect()
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|trust| trust.name == name)
    }
}

/// Keys that are given, not fetched, and never go stale.
fn inline(keys: Option<&KeySet>) -> KeySource {
    KeySource {
        remote: None,
        inline: keys.cloned(),
        refuse_kids: Vec::new(),
        pins: Vec::new(),
    }
}
