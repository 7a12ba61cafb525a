//! The provider's metadata and key set: cached, and fetched again when they are due. After a failed
//! fetch the cached ones stay in use.
//!
//! The schedule is core's, as for every other document that is fetched: jitter, back-off and one
//! fetch in [`UNKNOWN_KEY_INTERVAL`] for unknown keys.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_core::fetch_schedule::FetchSchedule;
use portcullis_core::timestamp::Timestamp;
use rand_core::{OsRng, RngCore as _};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use url::Url;

use super::error::{DiscoveryError, KeySetError, ProviderError};
use super::http::{FetchError, HttpClient};
use super::keys::ProviderKeys;
use super::metadata::Metadata;
use super::scope_hints;
use super::settings::RelyingParty;

/// How often metadata is fetched.
const METADATA_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How often keys are fetched, so that a key that the provider has withdrawn is not trusted for
/// longer.
const KEYS_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How old the last good key set may be while it can't be fetched.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Tokens with unknown keys cause at most one fetch in this time.
pub(super) const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(10);

/// The longest pause after a failed fetch.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The metadata and keys of one provider, fetched when they are needed and due.
#[derive(Debug)]
pub(super) struct Discovery {
    relying_party: Arc<RelyingParty>,
    url: Url,
    current: ArcSwap<Snapshot>,
    /// Held during a fetch, so that only one runs at a time.
    schedules: Arc<Mutex<Schedules>>,
    /// Notified when a fetch has changed the snapshot.
    changed: Notify,
}

/// The cached metadata and keys.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    metadata: Option<Arc<Metadata>>,
    /// The keys, and when they were fetched.
    keys: Option<(Arc<ProviderKeys>, Timestamp)>,
    /// The last fetch error, unless a fetch has succeeded since.
    error: Option<ProviderError>,
    /// When the next fetch is due.
    next_fetch: Timestamp,
}

/// When each document is fetched.
#[derive(Debug, Default)]
struct Schedules {
    metadata: Schedule,
    keys: Schedule,
}

/// When one document is fetched, and how the last fetch failed, if it did.
#[derive(Debug, Default)]
struct Schedule {
    fetches: FetchSchedule,
    error: Option<ProviderError>,
}

/// The metadata and the keys: every exchange with the provider needs them.
#[derive(Clone, Debug)]
pub(super) struct ProviderInfo {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: Arc<ProviderKeys>,
}

// === impl Discovery ===

impl Discovery {
    /// Nothing is cached yet. `url` is that of the metadata.
    pub(super) fn new(relying_party: Arc<RelyingParty>, url: Url) -> Self {
        Self {
            relying_party,
            url,
            current: ArcSwap::default(),
            schedules: Arc::default(),
            changed: Notify::new(),
        }
    }

    /// The cached metadata and keys, without a fetch.
    pub(super) fn cached(&self, now: Timestamp) -> Result<ProviderInfo, ProviderError> {
        self.current.load().info(now)
    }

    /// The cached metadata.
    pub(super) fn metadata(&self) -> Option<Arc<Metadata>> {
        self.current.load().metadata.clone()
    }

    /// When the next fetch is due.
    pub(super) fn next_fetch(&self) -> Timestamp {
        self.current.load().next_fetch
    }

    /// Waits until a fetch of another task has ended.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The metadata and keys, after fetching what is due. Only a caller without any keys waits for a fetch
    /// that another caller makes.
    pub(super) async fn info(
        self: &Arc<Self>,
        http: &HttpClient,
        now: Timestamp,
    ) -> Result<ProviderInfo, ProviderError> {
        let cached = self.cached(now);
        if !is_due(self.next_fetch(), now) {
            return cached;
        }
        let lock = Arc::clone(&self.schedules);
        let schedules = match (cached, lock.try_lock_owned()) {
            (_, Ok(schedules)) => schedules,
            (Ok(cached), Err(_)) => return Ok(cached),
            (Err(_), Err(_)) => {
                let locked = http.in_time(Arc::clone(&self.schedules).lock_owned()).await;
                locked.map_err(DiscoveryError::Fetch)?
            }
        };
        self.fetch(schedules, http, now).await;
        self.cached(now)
    }

    /// The same with keys that are newer than those in `info`, because none of those verifies a
    /// token. Nothing is fetched if another task has done so since. If the key set was fetched shortly
    /// before, that is an error, because the provider may have a new key since.
    pub(super) async fn info_with_fresh_keys(
        self: &Arc<Self>,
        info: &ProviderInfo,
        http: &HttpClient,
        now: Timestamp,
    ) -> Result<ProviderInfo, ProviderError> {
        let locked = http.in_time(Arc::clone(&self.schedules).lock_owned()).await;
        let mut schedules = locked.map_err(KeySetError::Fetch)?;
        let cached = self.cached(now)?;
        if !Arc::ptr_eq(&cached.keys, &info.keys) {
            return Ok(cached);
        }
        let fetches = &mut schedules.keys.fetches;
        if fetches.was_attempted_within(UNKNOWN_KEY_INTERVAL, now) {
            // Neither the last set nor a failed fetch says whether the provider has the key now.
            let error = schedules.keys.error.clone();
            return Err(error.unwrap_or_else(|| KeySetError::NotFetchedAgain.into()));
        }
        fetches.plan(now);
        match self.fetch(schedules, http, now).await {
            // A failed fetch says nothing about the missing key.
            Some(error) => Err(error),
            None => self.cached(now),
        }
    }

    /// Fetches what is due, and returns how the last fetch of the keys failed, if it did. That is a task
    /// of its own, because a client that disconnects must not cancel the fetch: nobody else may begin
    /// one for unknown keys within [`UNKNOWN_KEY_INTERVAL`].
    async fn fetch(
        self: &Arc<Self>,
        mut schedules: OwnedMutexGuard<Schedules>,
        http: &HttpClient,
        now: Timestamp,
    ) -> Option<ProviderError> {
        let (discovery, http) = (Arc::clone(self), http.clone());
        let fetch = tokio::spawn(async move {
            discovery.fetch_due(&mut schedules, &http, now).await;
            schedules.keys.error.clone()
        });
        // It is an error only if the task has panicked or the process ends.
        let unfinished = |_| Some(KeySetError::NotFetchedAgain.into());
        fetch.await.unwrap_or_else(unfinished)
    }

    async fn fetch_due(&self, schedules: &mut Schedules, http: &HttpClient, now: Timestamp) {
        let mut snapshot = Snapshot::clone(&self.current.load());
        let Schedules { metadata, keys } = schedules;
        if metadata.is_due(now) {
            metadata.begin(now);
            let fetched = self.fetch_metadata(http).await;
            if let Some(fetched) = metadata.finish(fetched, METADATA_INTERVAL, now) {
                // The algorithm of a key that names none may have changed.
                keys.fetches.plan(now);
                if snapshot.metadata.is_none() {
                    scope_hints::log_unrequested(&self.relying_party, &fetched);
                }
                snapshot.metadata = Some(Arc::new(fetched));
            } else {
                self.log_failure(metadata, &snapshot, now);
            }
        }
        if let Some(current) = snapshot.metadata.clone()
            && keys.is_due(now)
        {
            keys.begin(now);
            let fetched = fetch_keys(&current, http).await;
            if let Some(fetched) = keys.finish(fetched, KEYS_INTERVAL, now) {
                snapshot.keys = Some((Arc::new(fetched), now));
            } else {
                self.log_failure(keys, &snapshot, now);
                if keys.error.as_ref().is_some_and(has_moved) {
                    metadata.fetches.plan(keys.fetches.next());
                }
            }
        }
        snapshot.next_fetch = match snapshot.metadata {
            Some(_) => metadata.fetches.next().min(keys.fetches.next()),
            None => metadata.fetches.next(),
        };
        snapshot.error = metadata.error.clone().or_else(|| keys.error.clone());
        self.current.store(Arc::new(snapshot));
        self.changed.notify_waiters();
    }

    async fn fetch_metadata(&self, http: &HttpClient) -> Result<Metadata, ProviderError> {
        let document = http
            .get_document(&self.url)
            .await
            .map_err(DiscoveryError::Fetch)?;
        let metadata = Metadata::read(&document, &self.relying_party);
        Ok(metadata.map_err(DiscoveryError::Document)?)
    }

    fn log_failure(&self, schedule: &Schedule, cached: &Snapshot, now: Timestamp) {
        let Some(error) = &schedule.error else {
            return;
        };
        let (provider, kind) = (&self.relying_party.name, error.kind());
        if cached.info(now).is_ok() {
            tracing::error!(provider, kind, %error, "fetch failed; cached metadata and keys stay in use");
        } else {
            tracing::error!(provider, kind, %error, "fetch failed; sign-in is unavailable until a fetch succeeds");
        }
    }
}

async fn fetch_keys(metadata: &Metadata, http: &HttpClient) -> Result<ProviderKeys, ProviderError> {
    let set = http
        .get_document(&metadata.jwks_uri)
        .await
        .map_err(KeySetError::Fetch)?;
    Ok(ProviderKeys::read(&set, &metadata.algorithms).map_err(KeySetError::Set)?)
}

/// Whether the key set is no longer at the `jwks_uri` of the metadata.
fn has_moved(error: &ProviderError) -> bool {
    *error == ProviderError::KeySet(KeySetError::Fetch(FetchError::Status(404)))
}

/// Whether a fetch is due. A time further ahead than any interval was set by a clock that has since
/// stepped back.
fn is_due(next: Timestamp, now: Timestamp) -> bool {
    now >= next || next > now.after(METADATA_INTERVAL)
}

// === impl Snapshot ===

impl Snapshot {
    fn info(&self, now: Timestamp) -> Result<ProviderInfo, ProviderError> {
        if let (Some(metadata), Some((keys, fetched_at))) = (&self.metadata, &self.keys) {
            if now.since(*fetched_at) > MAX_STALE {
                return Err(KeySetError::Stale.into());
            }
            return Ok(ProviderInfo {
                metadata: Arc::clone(metadata),
                keys: Arc::clone(keys),
            });
        }
        let not_fetched = || ProviderError::Discovery(DiscoveryError::NotFetched);
        Err(self.error.clone().unwrap_or_else(not_fetched))
    }
}

// === impl Schedule ===

impl Schedule {
    fn is_due(&self, now: Timestamp) -> bool {
        self.fetches.is_due(METADATA_INTERVAL, now)
    }

    fn begin(&mut self, now: Timestamp) {
        self.fetches.begin(now);
    }

    /// Takes the result of a fetch and plans the next.
    fn finish<T>(
        &mut self,
        fetched: Result<T, ProviderError>,
        interval: Duration,
        now: Timestamp,
    ) -> Option<T> {
        let random = OsRng.next_u64();
        match fetched {
            Ok(fetched) => {
                self.fetches.succeed(interval, now, random);
                self.error = None;
                Some(fetched)
            }
            Err(error) => {
                self.fetches.fail(MAX_BACKOFF, now, random);
                self.error = Some(error);
                None
            }
        }
    }
}
