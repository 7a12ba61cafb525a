//! What is known of the keys of every source at one moment.

use portcullis_core::keys::{KeyRecord, Keyring, TrustKeys};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, PerKeySource, Trust, Url};
use serde_json::{Value, json};

/// What is known of the keys of every source at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    keyring: Keyring,
    sources: PerKeySource<Source>,
}

/// What is known of one source besides its keys.
#[derive(Clone, Debug, Default)]
struct Source {
    /// Counts what has become known.
    news: u64,
    origin: Option<Origin>,
}

/// Where the last good set came from, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    /// The key set's URL.
    pub(super) source: Url,
    /// When the read began that brought it.
    pub(super) fetched_at: Timestamp,
}

/// Why there is no mirror of a trust entry's keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum MirrorError {
    /// The policy has no such entry, or nothing is fetched for it. 404.
    #[error("no trust entry of this name has keys that are fetched")]
    Unknown,
    /// Nothing could be read yet. 503.
    #[error("the issuer's keys could not be read yet")]
    Unread,
}

impl Snapshot {
    /// What is known before anything was read.
    pub(super) fn new(sources: &PerKeySource<Trust>, now: Timestamp) -> Self {
        Self {
            keyring: Keyring::new(sources.iter(), now),
            sources: sources.map(|_| Source::default()),
        }
    }

    /// The keys, to judge by.
    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What is known together of the keys of the source at this place.
    pub(super) fn record(&self, source: KeySourceId) -> Option<&KeyRecord> {
        self.keyring.trust_keys(source).map(TrustKeys::record)
    }

    /// Where the keys of the source at this place came from; `None` where none have been read.
    pub(super) fn origin(&self, source: KeySourceId) -> Option<&Origin> {
        self.sources.get(source)?.origin.as_ref()
    }

    /// The same with more known of the source at this place.
    pub(super) fn with(
        &self,
        source: KeySourceId,
        record: KeyRecord,
        origin: Option<Origin>,
    ) -> Self {
        let mut snapshot = self.clone();
        snapshot.keyring.update(source, record);
        if let Some(known) = snapshot.sources.get_mut(source) {
            known.news += 1;
            known.origin = origin;
        }
        snapshot
    }

    /// Whether this is older than `other` in what is known of the source at this place.
    pub(super) fn is_behind(&self, other: &Self, source: KeySourceId) -> bool {
        let news = |snapshot: &Self| snapshot.sources.get(source).map(|source| source.news);
        news(self) != news(other)
    }

    /// The mirror document of the source at this place: public members of usable keys alone, whatever
    /// else the issuer lists.
    pub(super) fn mirror(&self, source: KeySourceId, trust: &Trust) -> Option<String> {
        let Origin {
            source: url,
            fetched_at,
        } = self.origin(source)?;
        let set = self.record(source)?.set()?;
        let mut document: Value = serde_json::from_str(&set.to_json()).ok()?;
        let about = [
            ("trust", json!(trust.name)),
            ("issuer", json!(trust.issuer)),
            ("source", json!(url.to_string())),
            ("fetched_at", json!(fetched_at.secs())),
        ];
        let members = document.as_object_mut()?;
        members.extend(about.map(|(name, value)| (name.to_owned(), value)));
        Some(document.to_string())
    }
}
