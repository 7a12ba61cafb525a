//! Completed sign-in attempts, and the sessions that are linked to a provider session.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;

use super::super::{ENDED_TTL, LinkedSession, LinkedSessions, MAX_LISTED, ProviderSession};
use super::{RedisStore, millis};
use crate::session::unavailable::Unavailable;

/// Adds a session to a sorted set, with the time of its end as its score, and removes sessions that have
/// ended, so that repeated sign-ins don't grow the set without limit. The set expires with its last
/// session. Returns when the provider session has ended, or 0.
const ADD: &str = "\
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return tonumber(redis.call('GET', KEYS[2]) or 0)";

/// Records when a provider session has ended, and lists its sessions.
const END: &str = "\
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[3])";

impl RedisStore {
    /// Records for `ttl` that a sign-in attempt is completed. `false` if it was completed before.
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

    /// Links a session to its provider session until `until`. If the provider session has ended recently,
    /// returns when.
    pub(super) async fn add_linked_session(
        &self,
        of: ProviderSession,
        sid: Id,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let mut command = self.provider_script(ADD, of.id);
        command
            .arg(format!("{sid}:{}", of.user))
            .arg(until.secs())
            .arg(now.secs())
            .arg(millis(until.since(now)));
        let ended = self.client.query::<u64>(&command).await?;
        Ok((ended != 0).then(|| Timestamp::from_secs(ended)))
    }

    /// The sessions that are linked to a provider session and have not ended.
    pub(super) async fn list_linked_sessions(
        &self,
        provider_session: Id,
        now: Timestamp,
    ) -> Result<LinkedSessions, Unavailable> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(self.names.linked_sessions(provider_session))
            .arg(format!("({}", now.secs()))
            .arg("+inf")
            .arg("LIMIT")
            .arg(0)
            .arg(MAX_LISTED + 1);
        let members: Vec<String> = self.client.query(&command).await?;
        Ok(parse(&members))
    }

    /// Records that a provider session has ended, and lists its sessions as
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

    /// A script with both keys of a provider session.
    fn provider_script(&self, code: &str, provider_session: Id) -> redis::Cmd {
        let mut command = redis::cmd("EVAL");
        command
            .arg(code)
            .arg(2)
            .arg(self.names.linked_sessions(provider_session))
            .arg(self.names.ended_provider_session(provider_session));
        command
    }
}

/// Parses the members of the set: a session and its user. Older releases wrote the session without its
/// user, so a session may be there twice.
fn parse(members: &[String]) -> LinkedSessions {
    let sessions = members.iter().filter_map(|member| {
        let (sid, user) = match member.split_once(':') {
            Some((sid, user)) => (sid, Some(Id::parse(user)?)),
            None => (member.as_str(), None),
        };
        let sid = Id::parse(sid)?;
        Some(LinkedSession { sid, user })
    });
    let mut sessions: Vec<LinkedSession> = sessions.collect();
    let has_more = MAX_LISTED < members.len();
    // The entry with a user sorts first and is kept.
    sessions.sort_unstable_by(|one, other| other.cmp(one));
    sessions.dedup_by_key(|session| session.sid);
    LinkedSessions {
        sessions,
        has_more,
        complete: true,
    }
}
