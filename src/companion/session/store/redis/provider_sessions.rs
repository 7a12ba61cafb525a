//! Completed sign-ins, and which sessions here belong to a session at the provider.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::super::{ENDED_TTL, LinkedSession, LinkedSessions, MAX_LISTED, ProviderSession};
use super::{RedisStore, millis};
use crate::session::unavailable::Unavailable;

/// Adds a session to a sorted set, with the second of its end as its score; drops sessions that
/// have ended; and keeps the set as long as its longest session. So repeated sign-ins can't grow it
/// without limit. The result is when the session at the provider has ended, or 0.
const ADD: &str = "\
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return tonumber(redis.call('GET', KEYS[2]) or 0)";

/// Notes when a session at the provider has ended, and lists its sessions.
const END: &str = "\
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[3])";

impl RedisStore {
    /// Notes for `ttl` that a sign-in is completed. `false`: it was completed before.
    pub(super) async fn set_attempt_finished(
        &self,
        attempt: &str,
        ttl: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("SET");
        command
            .arg(self.names.completed_attempt(attempt))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(millis(ttl));
        let set: Option<String> = self.client.query(&command).await?;
        Ok(set.is_some())
    }

    /// Notes until `until` that a session belongs to a session at the provider. The result is when
    /// that has ended, if it has lately.
    pub(super) async fn add_provider_session(
        &self,
        of: ProviderSession,
        sid: Id,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let mut command = self.provider_script(ADD, of.id);
        command
            .arg(format!("{sid}:{}", of.person))
            .arg(until.secs())
            .arg(now.secs())
            .arg(millis(until.since(now)));
        let ended = self.client.query::<u64>(&command).await?;
        Ok((ended != 0).then(|| Timestamp::from_secs(ended)))
    }

    /// The sessions that belong to a session at the provider and have not ended.
    pub(super) async fn list_linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(self.names.provider_session(provider_session))
            .arg(format!("({}", now.secs()))
            .arg("+inf")
            .arg("LIMIT")
            .arg(0)
            .arg(MAX_LISTED + 1);
        let members: Vec<String> = self.client.query(&command).await?;
        Ok(parse(&members))
    }

    /// Notes that a session at the provider has ended, and lists its sessions as
    /// [`RedisStore::list_linked_sessions`] does.
    pub(super) async fn set_provider_session_ended(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        let mut command = self.provider_script(END, provider_session);
        command
            .arg(now.secs())
            .arg(millis(ENDED_TTL))
            .arg(MAX_LISTED + 1);
        let members: Vec<String> = self.client.query(&command).await?;
        Ok(parse(&members))
    }

    /// A script on both keys of a session at the provider.
    fn provider_script(&self, code: &str, provider_session: Id) -> redis::Cmd {
        let mut command = redis::cmd("EVAL");
        command
            .arg(code)
            .arg(2)
            .arg(self.names.provider_session(provider_session))
            .arg(self.names.ended_provider_session(provider_session));
        command
    }
}

/// Parses the members of the set: a session and its person. Older releases wrote the session alone,
/// which may be there too.
fn parse(members: &[String]) -> LinkedSessions {
    let sessions = members.iter().filter_map(|member| {
        let (sid, person) = match member.split_once(':') {
            Some((sid, person)) => (sid, Some(Id::parse(person)?)),
            None => (member.as_str(), None),
        };
        let sid = Id::parse(sid)?;
        Some(LinkedSession { sid, person })
    });
    let mut sessions: Vec<LinkedSession> = sessions.collect();
    let has_more = MAX_LISTED < members.len();
    // Where the person is known, that entry comes first and stays.
    sessions.sort_unstable_by(|one, other| other.cmp(one));
    sessions.dedup_by_key(|session| session.sid);
    LinkedSessions {
        sessions,
        has_more,
        complete: true,
    }
}
