//! What is known of a provider: the last good discovery document and key set, and when they are
//! read again. A bad answer never takes away what there was.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_core::keys::KeySet;
use portcullis_core::timestamp::Timestamp;
use tokio::sync::Mutex;
use url::Url;

use super::error::{DiscoveryError, KeySetError, ProviderError};
use super::http::{FetchError, HttpClient};
use super::metadata::Metadata;
use super::settings::Party;

/// A discovery document is read again after this time.
const DISCOVERY_AGE: Duration = Duration::from_secs(60 * 60);

/// A key set is read again after this time, so that a key that the provider took back is not
/// believed for longer.
const KEYS_AGE: Duration = Duration::from_secs(5 * 60);

/// How old the last good key set may grow while it can't be read.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Tokens that no key fits cause at most one read in this time.
pub(super) const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(10);

/// The longest pause after a read that failed.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// What is known of a provider, and how more is learnt.
#[derive(Debug)]
pub(super) struct Known {
    party: Arc<Party>,
    discovery: Url,
    now: ArcSwap<Snapshot>,
    /// Whoever holds it reads, and nobody else does.
    plan: Mutex<Plan>,
}

/// What is known at a moment.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    metadata: Option<Arc<Metadata>>,
    keys: Option<(Arc<KeySet>, Timestamp)>,
    /// Why the last read failed, while none has succeeded since.
    failure: Option<ProviderError>,
    /// When something has to be read next.
    next: Timestamp,
}

/// When what is read.
#[derive(Debug, Default)]
struct Plan {
    discovery: Turn,
    keys: Turn,
}

/// When one document is read, and how the last read ended.
#[derive(Debug, Default)]
struct Turn {
    began: Option<Timestamp>,
    next: Timestamp,
    failures: u32,
    failure: Option<ProviderError>,
}

/// What every dealing with a provider needs.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: Arc<KeySet>,
}

// === impl Known ===

impl Known {
    /// Of this provider, nothing yet.
    pub(super) fn new(party: Arc<Party>, discovery: Url) -> Self {
        Self {
            party,
            discovery,
            now: ArcSwap::default(),
            plan: Mutex::default(),
        }
    }

    /// What is known, without asking anybody.
    pub(super) fn at_hand(&self, now: Timestamp) -> Result<Facts, ProviderError> {
        self.now.load().facts(now)
    }

    /// What the provider says of itself, as far as is known.
    pub(super) fn metadata(&self) -> Option<Arc<Metadata>> {
        self.now.load().metadata.clone()
    }

    /// When something has to be read next.
    pub(super) fn next(&self) -> Timestamp {
        self.now.load().next
    }

    /// What is known, after reading what is due. Only whoever knows nothing waits for a read that
    /// another has begun.
    pub(super) async fn facts(
        &self,
        http: &HttpClient,
        now: Timestamp,
    ) -> Result<Facts, ProviderError> {
        let known = self.at_hand(now);
        if !is_due(self.next(), now) {
            return known;
        }
        let mut plan = match (known, self.plan.try_lock()) {
            (_, Ok(plan)) => plan,
            (Ok(known), Err(_)) => return Ok(known),
            (Err(_), Err(_)) => self.plan.lock().await,
        };
        self.read_what_is_due(&mut plan, http, now).await;
        self.at_hand(now)
    }

    /// The facts after another look at the key set, because no key in `facts` fits a token. Others
    /// may have had that look since, or just now.
    pub(super) async fn facts_after_another_look(
        &self,
        facts: &Facts,
        http: &HttpClient,
        now: Timestamp,
    ) -> Result<Facts, ProviderError> {
        let mut plan = self.plan.lock().await;
        let known = self.at_hand(now)?;
        if !Arc::ptr_eq(&known.keys, &facts.keys) {
            return Ok(known);
        }
        let recent = |began| began <= now && now.since(began) < UNKNOWN_KEY_INTERVAL;
        if !plan.keys.began.is_some_and(recent) {
            plan.keys.next = now;
            self.read_what_is_due(&mut plan, http, now).await;
        }
        // A read that failed tells nothing of the key that is missing.
        match &plan.keys.failure {
            Some(failure) => Err(failure.clone()),
            None => self.at_hand(now),
        }
    }

    async fn read_what_is_due(&self, plan: &mut Plan, http: &HttpClient, now: Timestamp) {
        let mut snapshot = Snapshot::clone(&self.now.load());
        if plan.discovery.is_due(now) {
            plan.discovery.began = Some(now);
            let read = self.read_metadata(http).await;
            if let Some(metadata) = plan.discovery.end(read, DISCOVERY_AGE, now, &self.party) {
                // A key that names no algorithm may be for another now.
                plan.keys.next = now;
                snapshot.metadata = Some(Arc::new(metadata));
            }
        }
        if let Some(metadata) = snapshot.metadata.clone()
            && plan.keys.is_due(now)
        {
            plan.keys.began = Some(now);
            let read = read_keys(&metadata, http).await;
            if let Some(keys) = plan.keys.end(read, KEYS_AGE, now, &self.party) {
                snapshot.keys = Some((Arc::new(keys), now));
            } else if plan.keys.failure.as_ref().is_some_and(has_moved) {
                plan.discovery.next = plan.keys.next;
            }
        }
        snapshot.next = match snapshot.metadata {
            Some(_) => plan.discovery.next.min(plan.keys.next),
            None => plan.discovery.next,
        };
        let failure = plan
            .discovery
            .failure
            .as_ref()
            .or(plan.keys.failure.as_ref());
        snapshot.failure = failure.cloned();
        self.now.store(Arc::new(snapshot));
    }

    async fn read_metadata(&self, http: &HttpClient) -> Result<Metadata, ProviderError> {
        let document = http
            .get(&self.discovery, None)
            .await
            .map_err(DiscoveryError::Fetch)?;
        let metadata = Metadata::read(&document, &self.party);
        Ok(metadata.map_err(DiscoveryError::Document)?)
    }
}

async fn read_keys(metadata: &Metadata, http: &HttpClient) -> Result<KeySet, ProviderError> {
    let set = http
        .get(&metadata.jwks_uri, None)
        .await
        .map_err(KeySetError::Fetch)?;
    Ok(KeySet::from_json(&set, Some(&metadata.algorithms)).map_err(KeySetError::Set)?)
}

/// Whether the key set is no longer where the discovery document says.
fn has_moved(failure: &ProviderError) -> bool {
    *failure == ProviderError::KeySet(KeySetError::Fetch(FetchError::Status(404)))
}

fn is_due(next: Timestamp, now: Timestamp) -> bool {
    // A plan further ahead than any is made was made by a clock that has since stepped back.
    now >= next || next > now.after(DISCOVERY_AGE)
}

// === impl Snapshot ===

impl Snapshot {
    fn facts(&self, now: Timestamp) -> Result<Facts, ProviderError> {
        if let (Some(metadata), Some((keys, read_at))) = (&self.metadata, &self.keys) {
            if now.since(*read_at) > MAX_STALE {
                return Err(KeySetError::Stale.into());
            }
            return Ok(Facts {
                metadata: Arc::clone(metadata),
                keys: Arc::clone(keys),
            });
        }
        let unread = || ProviderError::Discovery(DiscoveryError::Unread);
        Err(self.failure.clone().unwrap_or_else(unread))
    }
}

// === impl Turn ===

impl Turn {
    fn is_due(&self, now: Timestamp) -> bool {
        is_due(self.next, now)
    }

    /// Takes what a read brought, and plans the next.
    fn end<T>(
        &mut self,
        read: Result<T, ProviderError>,
        again_after: Duration,
        now: Timestamp,
        party: &Party,
    ) -> Option<T> {
        match read {
            Ok(read) => {
                self.failures = 0;
                self.failure = None;
                self.next = now.after(again_after);
                Some(read)
            }
            Err(error) => {
                let (provider, kind) = (&party.name, error.kind());
                tracing::error!(provider, kind, %error, "what was known of it, if anything, stays");
                // A second, then twice as long each time.
                let pause = Duration::from_secs(1 << self.failures.min(5));
                self.next = now.after(pause.min(LONGEST_BACKOFF));
                self.failures = self.failures.saturating_add(1);
                self.failure = Some(error);
                None
            }
        }
    }
}
