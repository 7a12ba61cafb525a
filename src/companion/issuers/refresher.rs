//! Fetches one trust entry's keys whenever that is due.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::keys::{
    HttpResponse, KeyRecord, KeyRequest, KeySet, KeyWarning, ResponseError,
};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, Remote, Trust, Url};
use rand_core::{OsRng, RngCore as _};
use tokio::time::{MissedTickBehavior, interval};

use super::connection::{self, IssuerConnection};
use super::fetch::{FetchError, FetchResponse, KeyFetcher, error_chain};
use super::key_store::KeyStore;
use super::snapshot::LastFetch;

/// How often the schedule is checked. Fetches are scheduled by the wall clock, which may be changed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The holder of the fetch lease. Each record here has one refresher, so there is one holder.
const LEASE_HOLDER: u64 = 0;

/// Fetches one trust entry's keys whenever that is due.
pub(super) struct KeyRefresher {
    store: Arc<KeyStore>,
    source: KeySourceId,
    trust: Trust,
    remote: Remote,
    fetcher: KeyFetcher,
    /// The last URL that was fetched without the token.
    without_token: Option<Url>,
}

impl KeyRefresher {
    /// A refresher for the entry with this id; `None` where nothing is fetched.
    pub(super) fn new(
        store: Arc<KeyStore>,
        source: KeySourceId,
        connection: IssuerConnection,
    ) -> Option<Self> {
        let trust = store.sources().get(source)?.clone();
        let remote = connection::remote(&trust)?;
        if let Some(problem) = connection.problem(&trust) {
            tracing::warn!("trust {}: invalid connection: {problem}", trust.name);
        }
        let fetcher = KeyFetcher::new(
            connection,
            &trust.issuer,
            connection::first(&remote.endpoint)?,
        );
        Some(Self {
            store,
            source,
            trust,
            remote,
            fetcher,
            without_token: None,
        })
    }

    /// Fetches whenever a fetch is due, until it is aborted.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.store.requested(self.source) => {}
            }
            let (snapshot, now) = (self.store.snapshot(), self.store.now());
            let Some(record) = snapshot.record(self.source) else {
                return;
            };
            let is_due = record.is_due(&self.remote, now, self.store.is_requested(self.source));
            let is_awaited = snapshot.keyring().is_awaited(self.source);
            let confirms = !is_due && is_awaited && record.is_confirmation_due(now);
            if is_due || confirms {
                let last_fetch = snapshot.last_fetch(self.source).cloned();
                let mut record = record.clone();
                if confirms {
                    record.begin_confirmation(now);
                }
                self.fetch(record, last_fetch, now).await;
            }
        }
    }

    /// One fetch: discovery where that is due, then the key set.
    async fn fetch(
        &mut self,
        mut record: KeyRecord,
        last_fetch: Option<LastFetch>,
        began: Timestamp,
    ) {
        let mut request = record.begin(&self.trust, &self.remote, LEASE_HOLDER, began);
        self.store
            .publish(self.source, record.clone(), last_fetch.clone());
        loop {
            let Some(url) = url(&request).cloned() else {
                return;
            };
            self.warn_of_withheld_token(&url);
            let result = self.fetcher.fetch(&url).await;
            let response = result.as_ref().ok().map(FetchResponse::as_http_response);
            let before = record.set().cloned();
            match self.apply_response(&mut record, &request, response.as_ref()) {
                Ok(Some(next)) => {
                    self.store
                        .publish(self.source, record.clone(), last_fetch.clone());
                    request = next;
                }
                Ok(None) => {
                    self.warn_of_skipped_keys(&record, before.as_ref());
                    let last_fetch = LastFetch {
                        url,
                        fetched_at: began,
                    };
                    self.store.publish(self.source, record, Some(last_fetch));
                    return self.store.count(self.source, true);
                }
                Err(error) => {
                    let is_cached = record.set().is_some();
                    self.warn_of_failure(&url, &error, result.as_ref().err(), is_cached);
                    self.store.publish(self.source, record, last_fetch);
                    return self.store.count(self.source, false);
                }
            }
        }
    }

    fn apply_response(
        &self,
        record: &mut KeyRecord,
        request: &KeyRequest,
        response: Option<&HttpResponse<'_>>,
    ) -> Result<Option<KeyRequest>, ResponseError> {
        let (now, random) = (self.store.now(), OsRng.next_u64());
        record.apply_response(&self.trust, &self.remote, request, response, now, random)
    }

    /// Logs that the token is not sent to this URL, once until the issuer names another one.
    fn warn_of_withheld_token(&mut self, url: &Url) {
        if self.fetcher.withholds_token_from(url) && self.without_token.as_ref() != Some(url) {
            let name = &self.trust.name;
            tracing::warn!(
                "trust {name}: {url} is fetched without `token_file`, because it is not at the issuer's \
                 origin; help: set `trust.{name}.connect` to the issuer's address, which then gets all \
                 requests and the token"
            );
            self.without_token = Some(url.clone());
        }
    }

    /// Logs why a fetch failed. Core does not know why there was no response.
    fn warn_of_failure(
        &self,
        url: &Url,
        error: &ResponseError,
        no_response: Option<&FetchError>,
        is_cached: bool,
    ) {
        let why = no_response.map_or_else(|| error.to_string(), |error| error_chain(error));
        let warning = KeyWarning::FetchFailed {
            trust: &self.trust.name,
            from: url,
            error: &why,
            is_cached,
        };
        tracing::warn!("{warning}");
    }

    /// Logs the keys of a set that can't be used, if the set has changed.
    fn warn_of_skipped_keys(&self, record: &KeyRecord, before: Option<&KeySet>) {
        for warning in KeyWarning::of_skipped(&self.trust.name, record.set(), before) {
            tracing::warn!("{warning}");
        }
    }
}

/// The URL to fetch. The companion reads no mirror: [`connection::remote`] returns none.
pub(super) const fn url(request: &KeyRequest) -> Option<&Url> {
    match request {
        KeyRequest::Discovery(url) | KeyRequest::KeySet(url) => Some(url),
        KeyRequest::Mirror(_) => None,
    }
}
