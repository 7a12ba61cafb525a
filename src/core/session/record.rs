//! What the workers of a proxy share to fetch the companion's revocations.

use std::time::Duration;

use super::Revocations;
use crate::fetch_lease::{FetchLease, number};
use crate::json::Json;
use crate::keys::{HttpResponse, ResponseError};
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// The version of the text form. It is part of the name in shared data, so that two releases in one
/// proxy never read each other's records.
const FORMAT: u32 = 1;

/// The longest text form, in bytes.
const MAX_TEXT: usize = 1024;

/// How often the list is fetched, so that a revoked session ends in every filter within seconds.
const REFRESH: Duration = Duration::from_millis(2500);

/// The longest backoff after a failed fetch.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// What the workers of a proxy share to fetch the companion's revocations: which worker has the
/// lease, and which list they share. The list itself is stored separately, because it may be long
/// and seldom changes.
///
/// Workers share it as text, through memory that other plugins may share, so it is parsed as
/// strictly as a response from the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RevocationsRecord {
    lease: FetchLease,
    /// The id of the shared list; 0 if there is none yet.
    list: u64,
}

/// The text is not a valid record. A worker that reads one replaces it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the shared record is corrupted, or another release wrote it")]
pub struct RevocationsRecordError(());

impl RevocationsRecord {
    /// The text form: JSON.
    pub fn to_text(&self) -> String {
        format!(
            "{{\"format\":{FORMAT},\"list\":{},{}}}",
            self.list,
            self.lease.to_members()
        )
    }

    /// Reads the text form.
    pub fn from_text(text: &[u8]) -> Result<Self, RevocationsRecordError> {
        let json = (text.len() <= MAX_TEXT)
            .then(|| Json::parse(text).ok())
            .flatten();
        json.and_then(|json| Self::from_json(&json))
            .ok_or(RevocationsRecordError(()))
    }

    fn from_json(json: &Json) -> Option<Self> {
        if number(json.member("format")?)? != u64::from(FORMAT) {
            return None;
        }
        Some(Self {
            lease: FetchLease::from_members(json)?,
            list: number(json.member("list")?)?,
        })
    }

    /// The same, without a lease.
    #[must_use]
    pub fn without_lease(mut self) -> Self {
        self.lease.holder = None;
        self
    }

    /// Whether a fetch is due.
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.lease.is_running(now) && self.lease.schedule.is_due(LONGEST_BACKOFF, now)
    }

    /// Gives `worker` the lease.
    pub fn begin(&mut self, worker: u64, now: Timestamp) {
        self.lease.begin(worker, now);
    }

    /// Whether `worker` still has the lease, so that it may share what it fetched.
    pub fn is_leased_to(&self, worker: u64) -> bool {
        self.lease.is_leased_to(worker)
    }

    /// Handles the response to a fetch and ends the lease. Returns the list, to be merged with the
    /// worker's own. After an error the list stays as it is.
    ///
    /// `random` is a random number for the jitter.
    pub fn apply_response(
        &mut self,
        response: Option<&HttpResponse<'_>>,
        now: Timestamp,
        random: u64,
    ) -> Result<Revocations, ResponseError> {
        let list = response
            .ok_or(ResponseError::NoResponse)
            .and_then(Revocations::from_response);
        match list {
            Ok(_) => self.confirm(now, random),
            Err(_) => self.lease.fail(LONGEST_BACKOFF, now, random),
        }
        list
    }

    /// Handles the response that the list has not changed since the last fetch, and ends the lease.
    pub fn confirm(&mut self, now: Timestamp, random: u64) {
        self.lease.succeed(REFRESH, now, random);
    }

    /// The id of the shared list; `None` if none is shared yet.
    pub fn list(&self) -> Option<u64> {
        (self.list != 0).then_some(self.list)
    }

    /// Records that a new list is shared. `random` becomes its id.
    pub fn share(&mut self, random: u64) {
        self.list = random.max(1);
    }

    /// The time since the list was fetched; `None` if it never was.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.lease.schedule.succeeded_at.map(|at| now.since(at))
    }
}
