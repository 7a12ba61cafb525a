//! Sessions in Redis. The cookie holds a ticket, the ticket a key, and only with that key does the
//! record open: whoever has all of Redis has no session.

use std::time::Duration;

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Redis, millis, script};
use crate::session::bytes;
use crate::session::keys::{open_with, seal_with};
use crate::session::record::{Session, id, seconds};
use crate::session::secret::SecretKey;
use crate::session::unavailable::Unavailable;

/// What is sealed in the cookie.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Ticket {
    version: u32,
    #[serde(with = "id")]
    pub(crate) sid: Id,
    key: SecretKey,
    /// When the session ends whatever happens, for the cookie's sake.
    #[serde(with = "seconds")]
    pub(crate) ends: Timestamp,
}

/// A session as Redis has it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) session: Session,
    /// How often the provider has renewed its tokens. Who writes says which one it has read, so that
    /// nobody writes an older session over a newer one.
    pub(crate) generation: u64,
}

/// Writes a record, if it is of this generation still: 1. A session that is gone stays gone.
const REPLACE: &str = "\
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'sealed', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1";

/// Writes a record where there is none.
const CREATE: &str = "\
redis.call('HSET', KEYS[1], 'generation', '0', 'sealed', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1";

/// Takes a lock that nobody else holds: 1. Who holds it already has it.
const LOCK: &str = "\
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// Gives a lock back, if it is still held.
const UNLOCK: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

impl Ticket {
    const VERSION: u32 = 1;

    /// A ticket for a session that has just begun.
    pub(crate) fn new(session: &Session) -> Self {
        Self {
            version: Self::VERSION,
            sid: session.sid,
            key: SecretKey::random(),
            ends: session.ends,
        }
    }

    /// What is put under the seal.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Text and numbers: nothing in it can fail to be written.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what was under the seal.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ticket: Self = serde_json::from_slice(bytes).ok()?;
        (ticket.version == Self::VERSION).then_some(ticket)
    }
}

impl Redis {
    /// The session of a ticket. `None`: it is over, or is not what the ticket is for.
    pub(in crate::session) async fn get_session(
        &self,
        ticket: &Ticket,
    ) -> Result<Option<Record>, Unavailable> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.names.session(ticket.sid));
        command.arg("generation").arg("sealed");
        type Fields = (Option<u64>, Option<Vec<u8>>);
        let (generation, sealed): Fields = self.link.query(&command).await?;
        let (Some(generation), Some(sealed)) = (generation, sealed) else {
            return Ok(None);
        };
        let opened = open_with(&ticket.key, &self.binding(ticket.sid), &sealed);
        let session = opened.and_then(|content| Session::from_bytes(&content));
        let session = session.filter(|session| session.sid == ticket.sid);
        Ok(session.map(|session| Record {
            session,
            generation,
        }))
    }

    /// Puts a session where there is none.
    pub(in crate::session) async fn create_session(
        &self,
        ticket: &Ticket,
        session: &Session,
        lives: Duration,
    ) -> Result<(), Unavailable> {
        let mut command = script(CREATE, &self.names.session(ticket.sid));
        command.arg(self.sealed(ticket, session)).arg(millis(lives));
        self.link.query::<u64>(&command).await.map(drop)
    }

    /// Puts a session in the place of what `generation` was read of. `false`: it is of another
    /// generation by now, or over.
    pub(in crate::session) async fn replace_session(
        &self,
        ticket: &Ticket,
        (from, to): (u64, u64),
        session: &Session,
        lives: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = script(REPLACE, &self.names.session(ticket.sid));
        command.arg(from).arg(to);
        command.arg(self.sealed(ticket, session)).arg(millis(lives));
        self.link.query::<u64>(&command).await.map(|done| done == 1)
    }

    /// Ends a session.
    pub(in crate::session) async fn delete_session(&self, sid: Id) -> Result<(), Unavailable> {
        let mut command = redis::cmd("DEL");
        command.arg(self.names.session(sid));
        self.link.query::<u64>(&command).await.map(drop)
    }

    /// Takes the right to redeem a session's refresh token, for so long at most.
    pub(in crate::session) async fn lock(
        &self,
        sid: Id,
        owner: &str,
        lasts: Duration,
    ) -> Result<bool, Unavailable> {
        let mut command = script(LOCK, &self.names.lock(sid));
        command.arg(owner).arg(millis(lasts));
        self.link.query::<u64>(&command).await.map(|done| done == 1)
    }

    /// Gives it back.
    pub(in crate::session) async fn unlock(&self, sid: Id, owner: &str) -> Result<(), Unavailable> {
        let mut command = script(UNLOCK, &self.names.lock(sid));
        command.arg(owner);
        self.link.query::<u64>(&command).await.map(drop)
    }

    fn sealed(&self, ticket: &Ticket, session: &Session) -> Vec<u8> {
        let content = session.to_bytes();
        seal_with(&ticket.key, &self.binding(ticket.sid), &content)
    }

    fn binding(&self, sid: Id) -> Vec<u8> {
        bytes::fields(&[b"record", sid.as_bytes(), self.url.as_bytes()])
    }
}
