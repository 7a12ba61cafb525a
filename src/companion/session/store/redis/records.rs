//! The records of sessions in Redis, and the lock for refreshing one.

use std::time::Duration;

use portcullis_core::session::Id;

use super::{RedisStore, Ticket, millis, script};
use crate::session::record::Session;
use crate::session::store::ticket::{MAX_RECORD, warn_of_size};
use crate::session::unavailable::Unavailable;

/// The record of a session.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) session: Session,
    /// How often the session was refreshed.
    pub(super) generation: u64,
}

/// Returns the generation and the sealed session of a record, or that it is too large to be read. Anything else than
/// a record counts as absent.
const READ: &str = "\
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then return {false, false, 0} end
if redis.call('HSTRLEN', KEYS[1], 'sealed') > tonumber(ARGV[1]) then return {false, false, 1} end
local record = redis.call('HMGET', KEYS[1], 'generation', 'sealed')
return {record[1], record[2], 0}";

/// Replaces a record and returns 1, if it still has this generation. A deleted record stays deleted.
const REPLACE: &str = "\
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'sealed', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1";

/// Creates a record.
const CREATE: &str = "\
redis.call('HSET', KEYS[1], 'generation', '0', 'sealed', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1";

/// Takes a lock and returns 1, if no other owner holds it. Its owner can extend it.
const LOCK: &str = "\
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// Releases a lock if this owner still holds it.
const UNLOCK: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

impl RedisStore {
    /// The record of a ticket. `None` if there is none, if the ticket does not open it, or if it is too large.
    pub(super) async fn get_record(&self, ticket: &Ticket) -> Result<Option<Record>, Unavailable> {
        let mut command = script(READ, &self.names.session(ticket.sid));
        command.arg(MAX_RECORD);
        type Fields = (Option<Vec<u8>>, Option<Vec<u8>>, u64);
        let (generation, sealed, is_too_large): Fields = self.client.query(&command).await?;
        if is_too_large == 1 {
            warn_of_size();
        }
        let generation = generation.as_deref().and_then(number);
        let (Some(generation), Some(sealed)) = (generation, sealed) else {
            return Ok(None);
        };
        let session = ticket.open(&sealed, &self.url);
        Ok(session.map(|session| Record {
            session,
            generation,
        }))
    }

    /// Creates the record of a session.
    pub(super) async fn create_record(
        &self,
        ticket: &Ticket,
        session: &Session,
        ttl: Duration,
    ) -> Result<(), Unavailable> {
        let mut command = script(CREATE, &self.names.session(ticket.sid));
        command
            .arg(ticket.seal_bounded(session, &self.url)?)
            .arg(millis(ttl));
        self.client.query::<u64>(&command).await.map(drop)
    }

    /// Replaces the record of generation `from` by one of generation `to`. `false` if it has another
    /// generation or was deleted.
    pub(super) async fn replace_record(
        &self,
        ticket: &Ticket,
        (from, to): (u64, u64),
        session: &Session,
        ttl: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = script(REPLACE, &self.names.session(ticket.sid));
        command.arg(from).arg(to);
        command
            .arg(ticket.seal_bounded(session, &self.url)?)
            .arg(millis(ttl));
        self.client
            .query::<u64>(&command)
            .await
            .map(|replaced| replaced == 1)
    }

    /// Deletes the record of a session.
    pub(super) async fn delete_record(&self, sid: Id) -> Result<(), Unavailable> {
        let mut command = redis::cmd("DEL");
        command.arg(self.names.session(sid));
        self.client.query::<u64>(&command).await.map(drop)
    }

    /// Takes the lock for refreshing a session, for at most `ttl`. `false` if another owner holds it.
    pub(super) async fn lock(
        &self,
        sid: Id,
        owner: &str,
        ttl: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = script(LOCK, &self.names.lock(sid));
        command.arg(owner).arg(millis(ttl));
        self.client
            .query::<u64>(&command)
            .await
            .map(|replaced| replaced == 1)
    }

    /// Releases the lock.
    pub(super) async fn unlock(&self, sid: Id, owner: &str) -> Result<(), Unavailable> {
        let mut command = script(UNLOCK, &self.names.lock(sid));
        command.arg(owner);
        self.client.query::<u64>(&command).await.map(drop)
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
