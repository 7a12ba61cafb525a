//! Fetches and caches the issuers' keys: for forward auth, and for the mirror that filters read where
//! they can't reach an issuer.
//!
//! One task for each trust entry drives core's state machine, [`portcullis_core::keys::KeyRecord`]:
//! when a fetch is due, which URL to fetch, what a response means, when to retry. So filter and companion
//! keep keys by the same rules, and a failing issuer does not affect the others.

mod connection;
mod fetch;
mod key_store;
mod probe;
mod refresher;
mod snapshot;
mod waiters;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::keys::KeySet;
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use connection::IssuerConnection;
pub(crate) use probe::{KeyProbe, ProbeError, ProbedRequest, first_url, probe};
pub(crate) use snapshot::{MirrorError, Snapshot};

use key_store::KeyStore;
use refresher::KeyRefresher;

/// How long a request waits for keys. It takes two requests at most.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The clock. A parameter, so that tests can set the time.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The current public keys of this companion's session tokens; `None` without sign-in. A filter reads
/// the same keys from `/oauth2/jwks`.
pub(crate) type SessionKeys = watch::Receiver<Option<KeySet>>;

/// The keys of all trust entries of a policy, kept fresh until this is dropped.
///
/// It belongs to one policy, as the indices of trust entries do. For an edited policy
/// [`Issuers::with_policy`] creates the next one with the keys that are there.
pub(crate) struct Issuers {
    store: Arc<KeyStore>,
    connections: BTreeMap<String, IssuerConnection>,
    session_keys: SessionKeys,
    /// Aborted when this is dropped.
    _tasks: JoinSet<()>,
}

/// The state of one trust entry's keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyHealth {
    /// The trust entry's name.
    pub(crate) trust: String,
    /// The age of the last good set; `None` before the first. An inline set counts from the start of
    /// the process.
    pub(crate) age: Option<Duration>,
    /// Successful fetches since the process started.
    pub(crate) succeeded: u64,
    /// Failed fetches since the process started.
    pub(crate) failed: u64,
    /// Failed fetches since the last successful one.
    pub(crate) failures: u32,
}

impl Issuers {
    /// Starts to fetch the keys of this policy's trust entries. `connections` are by the entries'
    /// names; the keys of an entry without one are fetched from its own URL.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn start(
        policy: &Policy,
        connections: BTreeMap<String, IssuerConnection>,
        session_keys: SessionKeys,
        clock: Clock,
    ) -> Self {
        let store = KeyStore::new(policy, session_keys.borrow().as_ref(), clock);
        Self::spawn(store, connections, session_keys)
    }

    /// The same for an edited policy: trust entries with an unchanged key source keep their keys. This
    /// one continues until it is dropped, for the requests that still use it.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn with_policy(&self, policy: &Policy) -> Self {
        let session_keys = self.session_keys.clone();
        let store = (self.store).with_policy(policy, session_keys.borrow().as_ref());
        Self::spawn(store, self.connections.clone(), session_keys)
    }

    fn spawn(
        store: KeyStore,
        connections: BTreeMap<String, IssuerConnection>,
        session_keys: SessionKeys,
    ) -> Self {
        let store = Arc::new(store);
        let mut tasks = JoinSet::new();
        for (id, source) in store.sources().iter() {
            let connection = connections.get(&source.name).cloned().unwrap_or_default();
            if let Some(refresher) = KeyRefresher::new(Arc::clone(&store), id, connection) {
                tasks.spawn(refresher.run());
            }
        }
        tasks.spawn(follow_session_keys(
            Arc::clone(&store),
            session_keys.clone(),
        ));
        Self {
            store,
            connections,
            session_keys,
            _tasks: tasks,
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// The keys as of now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.store.snapshot()
    }

    /// Requests a fetch of the keys of these trust entries, and waits for a newer record of one of them
    /// than `seen` has. `false` at `until`, or where too many requests wait already.
    pub(crate) async fn wait_for_newer(
        &self,
        seen: &Snapshot,
        sources: &[KeySourceId],
        until: Instant,
    ) -> bool {
        self.store.wait_for_newer(seen, sources, until).await
    }

    /// The response to `GET /oauth2/mirror/<trust>`, which filters read:
    /// `{trust, issuer, source, fetched_at, keys}`.
    pub(crate) fn mirror(&self, trust: &str) -> Result<String, MirrorError> {
        self.store.mirror(trust)
    }

    /// How many keys belong to no trust entry, because several entries of one issuer have them and it is
    /// unknown which had them first.
    pub(crate) fn ambiguous_keys(&self) -> usize {
        self.store.ambiguous_keys()
    }

    /// The state of the keys of each trust entry whose keys are fetched.
    pub(crate) fn health(&self) -> Vec<KeyHealth> {
        self.store.health()
    }
}

/// Publishes the companion's session keys whenever they change.
async fn follow_session_keys(store: Arc<KeyStore>, mut session_keys: SessionKeys) {
    loop {
        let keys = session_keys.borrow_and_update().clone();
        store.set_session_keys(keys.as_ref());
        if session_keys.changed().await.is_err() {
            return;
        }
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers")
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}
