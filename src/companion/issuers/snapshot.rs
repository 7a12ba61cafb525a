//! An immutable view of the keys of every source.

use std::sync::Arc;

use portcullis_core::keys::{Key, KeyRecord, KeyStatus, Keyring, MIRROR_VERSION, TrustKeys};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, PerKeySource, Trust, Url};
use serde_json::{Value, json};

/// An immutable view of the keys of every source.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    keyring: Keyring,
    sources: PerKeySource<SourceState>,
}

/// The state of one source besides its keys.
#[derive(Clone, Debug, Default)]
struct SourceState {
    /// Grows with each published record.
    keys_version: u64,
    last_fetch: Option<LastFetch>,
}

/// The URL and the time of the last good set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct LastFetch {
    /// The key set's URL.
    pub(super) url: Url,
    /// When its fetch began.
    pub(super) fetched_at: Timestamp,
}

/// Why there is no mirror of a trust entry's keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum MirrorError {
    /// The policy has no such entry, or nothing is fetched for it. 404.
    #[error("no trust entry of this name has keys that are fetched")]
    Unknown,
    /// Nothing was fetched yet. 503.
    #[error("the issuer's keys are not fetched yet")]
    NotFetched,
}

impl Snapshot {
    /// The state before anything was fetched.
    pub(super) fn new(sources: &PerKeySource<Trust>, now: Timestamp) -> Self {
        Self {
            keyring: Keyring::new(sources.iter(), now),
            sources: sources.map(|_| SourceState::default()),
        }
    }

    /// The keys, for verifying tokens.
    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The record of this source's keys.
    pub(super) fn record(&self, source: KeySourceId) -> Option<&KeyRecord> {
        self.keyring.trust_keys(source).map(TrustKeys::record)
    }

    /// The URL and the time of this source's keys; `None` before the first successful fetch.
    pub(super) fn last_fetch(&self, source: KeySourceId) -> Option<&LastFetch> {
        self.sources.get(source)?.last_fetch.as_ref()
    }

    /// The same with a new record of this source.
    pub(super) fn with(
        &self,
        source: KeySourceId,
        record: KeyRecord,
        last_fetch: Option<LastFetch>,
        now: Timestamp,
    ) -> Self {
        let mut snapshot = self.clone();
        snapshot.keyring.update(source, record);
        snapshot.keyring.observe(now);
        if let Some(state) = snapshot.sources.get_mut(source) {
            state.keys_version += 1;
            state.last_fetch = last_fetch;
        }
        snapshot
    }

    /// The same with the owners of keys that another snapshot has, which is of an earlier policy.
    pub(super) fn with_owners_of(&self, before: &Self) -> Self {
        let mut snapshot = self.clone();
        for (issuer, owners) in before.keyring.owners() {
            snapshot.keyring.update_owners(issuer, Arc::clone(owners));
        }
        snapshot
    }

    /// Whether `other` has a newer record of this source.
    pub(super) fn is_behind(&self, other: &Self, source: KeySourceId) -> bool {
        let version = |snapshot: &Self| {
            snapshot
                .sources
                .get(source)
                .map(|source| source.keys_version)
        };
        version(self) != version(other)
    }

    /// The mirror document of this source: the public members of usable keys only, whatever else the
    /// issuer lists. Keys of another entry of the issuer, and new keys that may turn out to be, are
    /// not served: a filter can't know how old a mirrored set is compared with that of another entry.
    pub(super) fn mirror(&self, source: KeySourceId, trust: &Trust) -> Option<String> {
        let LastFetch { url, fetched_at } = self.last_fetch(source)?;
        let set = self.record(source)?.set()?;
        let may_serve = |key: &Key| {
            let mut issuers = trust.issuers();
            issuers.all(|issuer| match self.keyring.status(source, issuer, key) {
                KeyStatus::Usable | KeyStatus::Ambiguous => true,
                KeyStatus::Pending(_) | KeyStatus::NotOwned => false,
            })
        };
        let set = set.filter(may_serve)?;
        let mut document: Value = serde_json::from_str(&set.to_json()).ok()?;
        let added = [
            ("version", json!(MIRROR_VERSION)),
            ("trust", json!(trust.name)),
            ("issuer", json!(trust.issuer)),
            ("source", json!(url.to_string())),
            ("fetched_at", json!(fetched_at.secs())),
        ];
        let members = document.as_object_mut()?;
        members.extend(added.map(|(name, value)| (name.to_owned(), value)));
        Some(document.to_string())
    }
}
