//! When keys are read, by whom, and what a read leads to.

use std::time::Duration;

use super::answer::{Fetched, HttpResponse, ReadError, document, mirrored, set};
use super::{KeyRecord, KeySet};
use crate::fetch_schedule::is_recent;
use crate::timestamp::Timestamp;
use crate::trust::{Endpoint, Remote, Trust, Url};

/// How long one answer of an issuer may take.
pub const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Tokens with unknown key ids cause at most one read in this time, in all workers together.
pub const UNKNOWN_KID_INTERVAL: Duration = Duration::from_secs(10);

/// A discovery document is read again after this time.
const REDISCOVER: Duration = Duration::from_secs(60 * 60);

/// The longest pause after a failed read.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// One request to make at the issuer's cluster: a GET.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Read {
    /// The discovery document.
    Discovery(Url),
    /// The key set.
    KeySet(Url),
    /// The companion's mirror of the trust entry of this name.
    Mirror(String),
}

impl KeyRecord {
    /// Whether a read should begin now. `asked` says that a token names a key that is not here.
    pub fn is_due(&self, remote: &Remote, now: Timestamp, asked: bool) -> bool {
        let schedule = &self.lease.schedule;
        let planned = schedule.is_due(remote.refresh.max(LONGEST_BACKOFF), now);
        let wanted = asked && !schedule.was_attempted_within(UNKNOWN_KID_INTERVAL, now);
        !self.is_being_read(now) && (planned || wanted)
    }

    /// Whether a worker has the lease to read now.
    pub fn is_being_read(&self, now: Timestamp) -> bool {
        self.lease.is_running(now)
    }

    /// Whether `worker` still has the lease, so that what it read may be written.
    pub fn is_led_by(&self, worker: u64) -> bool {
        self.lease.is_led_by(worker)
    }

    /// Gives `worker` the lease, and says what to read first.
    pub fn begin(&mut self, trust: &Trust, remote: &Remote, worker: u64, now: Timestamp) -> Read {
        self.lease.begin(worker, now);
        match (&remote.endpoint, &self.located) {
            (Endpoint::Mirror, _) => Read::Mirror(trust.name.clone()),
            (Endpoint::Jwks(url), _) => Read::KeySet(url.clone()),
            (Endpoint::Discovery(_), Some((url, at))) if is_recent(*at, now, REDISCOVER) => {
                Read::KeySet(url.clone())
            }
            (Endpoint::Discovery(url), _) => Read::Discovery(url.clone()),
        }
    }

    /// Takes the answer to a read: returns the next thing to read, or `None` when the lease ends with
    /// fresh keys. An error ends the lease too, and the record stays as it is.
    ///
    /// `chance` is any number; it spreads the reads of many proxies.
    pub fn take(
        &mut self,
        trust: &Trust,
        remote: &Remote,
        read: &Read,
        answer: Option<&HttpResponse<'_>>,
        now: Timestamp,
        chance: u64,
    ) -> Result<Option<Read>, ReadError> {
        match found(trust, read, answer) {
            Ok(Fetched::KeySetUrl(url)) => {
                self.located = Some((url.clone(), now));
                Ok(Some(Read::KeySet(url)))
            }
            Ok(Fetched::Keys { set, fetched_at }) => {
                self.accept(set, fetched_at, remote, now, chance);
                Ok(None)
            }
            Err(error) => {
                if error.asks_for_discovery() {
                    self.located = None;
                }
                let longest = LONGEST_BACKOFF.min(remote.refresh);
                self.lease.fail(longest, now, chance);
                Err(error)
            }
        }
    }

    fn accept(
        &mut self,
        set: KeySet,
        fetched_at: Option<Timestamp>,
        remote: &Remote,
        now: Timestamp,
        chance: u64,
    ) {
        let began = self.lease.succeed(remote.refresh, now, chance);
        self.replace(set, now.after(remote.refresh), now);
        self.fetched_at = Some(fetched_at.map_or(began, |at| at.min(began)));
    }
}

fn found(
    trust: &Trust,
    read: &Read,
    answer: Option<&HttpResponse<'_>>,
) -> Result<Fetched, ReadError> {
    let answer = answer.ok_or(ReadError::NoAnswer)?;
    match read {
        Read::Discovery(_) => document(trust, answer),
        Read::KeySet(_) => set(trust, answer),
        Read::Mirror(_) => mirrored(trust, answer),
    }
}

#[cfg(test)]
mod tests;
