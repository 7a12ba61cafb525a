//! What replicas must agree on besides sessions: sign-ins that came to their end, and which of our
//! sessions belong to one of a provider's.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::{Redis, millis, script};
use crate::session::unavailable::Unavailable;

/// Notes a session of ours under the second of its end, drops those that are over, and keeps the list
/// until the longest is. Whoever signs in again and again would make it ever longer otherwise.
const NOTE: &str = "\
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1";

impl Redis {
    /// Notes that a sign-in comes to its end. `false`: it had before.
    pub(in crate::session) async fn finish_login(
        &self,
        attempt: &str,
        lives: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("SET");
        command
            .arg(self.names.login(attempt))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(millis(lives));
        let done: Option<String> = self.link.query(&command).await?;
        Ok(done.is_some())
    }

    /// Notes that a session of ours belongs to one of a provider's, until this moment.
    pub(in crate::session) async fn note_at_provider(
        &self,
        at_provider: Id,
        sid: Id,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let mut command = script(NOTE, &self.names.at_provider(at_provider));
        command
            .arg(sid.to_string())
            .arg(until.secs())
            .arg(now.secs())
            .arg(millis(until.since(now)));
        self.link.query::<u64>(&command).await.map(drop)
    }

    /// Our sessions that belong to this one of a provider's, and are not over.
    pub(in crate::session) async fn at_provider(
        &self,
        at_provider: Id,
        now: Timestamp,
    ) -> Result<Vec<Id>, Unavailable> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(self.names.at_provider(at_provider))
            .arg(format!("({}", now.secs()))
            .arg("+inf");
        let sids: Vec<String> = self.link.query(&command).await?;
        Ok(sids.iter().filter_map(|sid| Id::parse(sid)).collect())
    }
}
