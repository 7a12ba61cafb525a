//! When keys are fetched, by which worker, and how a response changes the record.

use std::time::Duration;

use super::KeyRecord;
use super::response::{Fetched, HttpResponse, ResponseError, document, mirrored, set};
use crate::fetch_schedule::is_recent;
use crate::jwk::KeySet;
use crate::timestamp::Timestamp;
use crate::trust::{KeyEndpoint, Remote, Trust, Url};

/// The timeout of one request to an issuer.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Tokens with unknown key IDs cause at most one fetch in this time, in all workers together.
pub const UNKNOWN_KID_INTERVAL: Duration = Duration::from_secs(10);

/// How long a discovery document is cached.
const REDISCOVER: Duration = Duration::from_secs(60 * 60);

/// The longest backoff after a failed fetch.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// How much the clock of a mirror may be ahead.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// A GET request to the issuer's cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyRequest {
    /// The discovery document.
    Discovery(Url),
    /// The key set.
    KeySet(Url),
    /// The companion's mirror of the trust entry with this name.
    Mirror(String),
}

impl KeyRecord {
    /// Whether a fetch is due. `is_requested` is true if a token names an unknown key.
    pub fn is_due(&self, remote: &Remote, now: Timestamp, is_requested: bool) -> bool {
        let schedule = &self.lease.schedule;
        let planned = schedule.is_due(remote.refresh.max(LONGEST_BACKOFF), now);
        let is_requested =
            is_requested && !schedule.was_attempted_within(UNKNOWN_KID_INTERVAL, now);
        !self.is_being_fetched(now) && (planned || is_requested)
    }

    /// Whether a fetch may begin now to find out if the set has a new key of another entry of the
    /// issuer. These fetches have a separate limit, because other entries cause them.
    pub fn is_confirmation_due(&self, now: Timestamp) -> bool {
        let is_limited = |at| is_recent(at, now, UNKNOWN_KID_INTERVAL);
        !self.is_being_fetched(now) && !self.confirmed_at.is_some_and(is_limited)
    }

    /// Records that the fetch that has begun is for [`KeyRecord::is_confirmation_due`].
    pub const fn begin_confirmation(&mut self, now: Timestamp) {
        self.confirmed_at = Some(now);
    }

    /// Whether a worker has the lease and fetches now.
    pub fn is_being_fetched(&self, now: Timestamp) -> bool {
        self.lease.is_running(now)
    }

    /// Whether `worker` still has the lease, so that it may write what it fetched.
    pub fn is_leased_to(&self, worker: u64) -> bool {
        self.lease.is_leased_to(worker)
    }

    /// Gives `worker` the lease, and returns what to fetch first.
    pub fn begin(
        &mut self,
        trust: &Trust,
        remote: &Remote,
        worker: u64,
        now: Timestamp,
    ) -> KeyRequest {
        self.lease.begin(worker, now);
        self.attempts = self.attempts.saturating_add(1);
        match (&remote.endpoint, &self.discovered) {
            (KeyEndpoint::Mirror, _) => KeyRequest::Mirror(trust.name.clone()),
            (KeyEndpoint::Jwks(url), _) => KeyRequest::KeySet(url.clone()),
            (KeyEndpoint::Discovery(_), Some((url, at))) if is_recent(*at, now, REDISCOVER) => {
                KeyRequest::KeySet(url.clone())
            }
            (KeyEndpoint::Discovery(url), _) => KeyRequest::Discovery(url.clone()),
        }
    }

    /// Handles the response to a fetch: returns what to fetch next, or `None` when the lease ends
    /// with fresh keys. An error ends the lease too, and the keys stay as they are. So do they if a
    /// mirror has somewhat older keys, as one of two companions may.
    ///
    /// `random` is a random number for the jitter.
    pub fn apply_response(
        &mut self,
        trust: &Trust,
        remote: &Remote,
        request: &KeyRequest,
        response: Option<&HttpResponse<'_>>,
        now: Timestamp,
        random: u64,
    ) -> Result<Option<KeyRequest>, ResponseError> {
        match self.found(trust, remote, request, response, now) {
            Ok(Fetched::KeySetUrl(url)) => {
                self.discovered = Some((url.clone(), now));
                Ok(Some(KeyRequest::KeySet(url)))
            }
            Ok(Fetched::Keys { set, fetched_at }) => {
                self.accept(set, fetched_at, remote, now, random);
                Ok(None)
            }
            Err(error) => {
                if error.asks_for_discovery() {
                    self.discovered = None;
                }
                let longest = LONGEST_BACKOFF.min(remote.refresh);
                self.lease.fail(longest, now, random);
                Err(error)
            }
        }
    }

    /// The content of a response, if a mirror is not wrong about the age of its keys.
    fn found(
        &self,
        trust: &Trust,
        remote: &Remote,
        request: &KeyRequest,
        response: Option<&HttpResponse<'_>>,
        now: Timestamp,
    ) -> Result<Fetched, ResponseError> {
        let found = content(trust, request, response)?;
        if let Fetched::Keys {
            fetched_at: Some(at),
            ..
        } = found
        {
            if at > now.after(CLOCK_SKEW) {
                return Err(ResponseError::FetchedInFuture);
            }
            // Companions fetch at different times, each once in `refresh` or a little later.
            let differ = remote.refresh.saturating_mul(2);
            if self.is_newer_than(at.after(differ)) {
                return Err(ResponseError::OlderThanCached);
            }
        }
        Ok(found)
    }

    /// Whether the keys were fetched after that time. Inline keys are older than any.
    fn is_newer_than(&self, at: Timestamp) -> bool {
        let is_fetched = self.lease.schedule.succeeded_at.is_some();
        is_fetched && self.fetched_at.is_some_and(|own| own > at)
    }

    fn accept(
        &mut self,
        set: KeySet,
        fetched_at: Option<Timestamp>,
        remote: &Remote,
        now: Timestamp,
        random: u64,
    ) {
        let is_older = fetched_at.is_some_and(|at| self.is_newer_than(at));
        let began = self.lease.succeed(remote.refresh, now, random);
        if is_older {
            return;
        }
        self.replace(set, now.after(remote.refresh), now);
        self.fetched_at = Some(fetched_at.map_or(began, |at| at.min(began)));
    }
}

/// The content of a response.
fn content(
    trust: &Trust,
    request: &KeyRequest,
    response: Option<&HttpResponse<'_>>,
) -> Result<Fetched, ResponseError> {
    let response = response.ok_or(ResponseError::NoResponse)?;
    match request {
        KeyRequest::Discovery(_) => document(trust, response),
        KeyRequest::KeySet(_) => set(trust, response),
        KeyRequest::Mirror(_) => mirrored(trust, response),
    }
}

#[cfg(test)]
mod tests;
