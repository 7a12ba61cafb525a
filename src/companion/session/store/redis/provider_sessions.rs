//! Completed sign-ins, and which sessions here belong to a session at the provider.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::{RedisStore, millis, script};
use crate::session::unavailable::Unavailable;

/// Adds a session to a sorted set, with the second of its end as its score; drops sessions that
/// have ended; and keeps the set as long as its longest session. So repeated sign-ins can't grow it
/// without limit.
const ADD: &str = "\
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1";

impl RedisStore {
    /// Notes for `ttl` that a sign-in is completed. `false`: it was completed before.
    pub(super) async fn set_login_finished(
        &self,
        attempt: &str,
        ttl: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("SET");
        command
            .arg(self.names.login(attempt))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(millis(ttl));
        let set: Option<String> = self.client.query(&command).await?;
        Ok(set.is_some())
    }

    /// Notes until `until` that a session belongs to a session at the provider.
    pub(super) async fn add_provider_session(
        &self,
        provider_session: Id,
        sid: Id,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let mut command = script(ADD, &self.names.provider_session(provider_session));
        command
            .arg(sid.to_string())
            .arg(until.secs())
            .arg(now.secs())
            .arg(millis(until.since(now)));
        self.client.query::<u64>(&command).await.map(drop)
    }

    /// The sessions that belong to a session at the provider and have not ended.
    pub(super) async fn list_provider_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<Vec<Id>, Unavailable> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(self.names.provider_session(provider_session))
            .arg(format!("({}", now.secs()))
            .arg("+inf");
        let sids: Vec<String> = self.client.query(&command).await?;
        Ok(sids.iter().filter_map(|sid| Id::parse(sid)).collect())
    }
}
