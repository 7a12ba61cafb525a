//! The companion's own reading of the issuers' keys: for forward auth, and for the mirror that
//! filters read where they can't reach an issuer.
//!
//! One task a trust entry turns the wheel that core defines, [`portcullis_core::keys::KeyRecord`]: when
//! a read is due, what is asked for, what an answer means, when to try again. So the filter and the
//! companion keep keys by the same rules, and one issuer's trouble never touches another's.

mod ask;
mod desk;
mod reach;
mod reader;
mod snapshot;
mod waiting;

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

pub(crate) use reach::Reach;
pub(crate) use snapshot::{MirrorError, Snapshot};

use desk::Desk;
use reader::Reader;

/// How long a request waits for keys. Reading them takes two answers at most.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Tells the time. A parameter, so that no test has to wait for it.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The keys that sign this companion's session tokens, as they are now; `None` where nobody signs
/// in. They stand where a filter has what it read from `/oauth2/jwks`.
pub(crate) type OwnKeys = watch::Receiver<Option<KeySet>>;

/// The keys of all of a policy's key sources, kept fresh for as long as this lives.
///
/// It belongs to its policy, as the places of the sources do. A new policy needs a new one, which
/// [`Issuers::succeed`] starts with the keys that are there.
pub(crate) struct Issuers {
    desk: Arc<Desk>,
    reaches: BTreeMap<String, Reach>,
    own: OwnKeys,
    /// They end with this.
    _readers: JoinSet<()>,
}

/// How one trust entry's keys are doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Health {
    /// The trust entry's name.
    pub(crate) trust: String,
    /// How long ago the last good set was fetched; `None` where there is none. A set that stands in
    /// the policy is as old as this program.
    pub(crate) age: Option<Duration>,
    /// How many reads have brought keys since the program began.
    pub(crate) good: u64,
    /// How many have brought none.
    pub(crate) failed: u64,
    /// How many have failed since the last good one.
    pub(crate) failures: u32,
}

impl Issuers {
    /// Begins to read the keys of this policy's trust entries. `reaches` says how, by the entries'
    /// names; an entry that is not among them is read from its own URL.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn start(
        policy: &Policy,
        reaches: BTreeMap<String, Reach>,
        own: OwnKeys,
        clock: Clock,
    ) -> Self {
        let desk = Desk::new(policy, own.borrow().as_ref(), clock);
        Self::read(desk, reaches, own)
    }

    /// The same for an edited policy: entries whose keys come from where they came from start with
    /// the keys that are there. What is here goes on until it is dropped, for the requests that are
    /// being judged by it.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn succeed(&self, policy: &Policy) -> Self {
        let own = self.own.clone();
        let desk = self.desk.succeed(policy, own.borrow().as_ref());
        Self::read(desk, self.reaches.clone(), own)
    }

    fn read(desk: Desk, reaches: BTreeMap<String, Reach>, own: OwnKeys) -> Self {
        let desk = Arc::new(desk);
        let mut readers = JoinSet::new();
        for (id, source) in desk.sources().iter() {
            let reach = reaches.get(&source.name).cloned().unwrap_or_default();
            if let Some(reader) = Reader::new(Arc::clone(&desk), id, reach) {
                readers.spawn(reader.run());
            }
        }
        readers.spawn(follow(Arc::clone(&desk), own.clone()));
        Self {
            desk,
            reaches,
            own,
            _readers: readers,
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.desk.now()
    }

    /// What is known now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.desk.snapshot()
    }

    /// Has the keys at these places read, and waits until more is known of one
    /// of them than `seen` has. `false` where a request should wait no longer: it is `until`, or too
    /// many wait already.
    pub(crate) async fn more(
        &self,
        seen: &Snapshot,
        sources: &[KeySourceId],
        until: Instant,
    ) -> bool {
        self.desk.more(seen, sources, until).await
    }

    /// The document that `GET /oauth2/mirror/<trust>` answers, for the filter to read:
    /// `{trust, issuer, source, fetched_at, keys}`.
    pub(crate) fn mirror(&self, trust: &str) -> Result<String, MirrorError> {
        self.desk.mirror(trust)
    }

    /// How the keys of each trust entry are doing whose keys are fetched.
    pub(crate) fn health(&self) -> Vec<Health> {
        self.desk.health()
    }
}

/// Takes over the companion's own keys, whenever they are others.
async fn follow(desk: Arc<Desk>, mut own: OwnKeys) {
    loop {
        let keys = own.borrow_and_update().clone();
        desk.take_own(keys.as_ref());
        if own.changed().await.is_err() {
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
