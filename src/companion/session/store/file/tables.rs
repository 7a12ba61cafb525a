//! The tables: entries that expire, and the revocation list.
//!
//! The first byte of a key is the kind of the entry. A second table has the keys in the order in which the
//! entries expire; each change of the database deletes some that have expired.

use portcullis_core::session::Id;
use portcullis_core::timestamp::Timestamp;
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use crate::session::store::{LinkedSession, LinkedSessions, MAX_LISTED};

/// The content of each entry, and when it expires, in seconds since the Unix epoch.
const ENTRIES: TableDefinition<'_, &[u8], (u64, &[u8])> = TableDefinition::new("entries");

/// When each entry expires, and its key.
const EXPIRIES: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("expiries");

/// What does not expire, by name.
const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");

/// The revocation list, as JSON.
const REVOCATIONS: &str = "revocations";

/// The version of these tables, and what it is now.
const VERSION: &str = "version";
const CURRENT_VERSION: &[u8] = b"1";

/// How many expired entries a change of the database deletes at most.
const MAX_DELETED: usize = 256;

/// A session's record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Record {
    /// How often the session was refreshed.
    pub(super) generation: u64,
    /// The session, sealed with the key of its ticket.
    pub(super) sealed: Vec<u8>,
    pub(super) expires: Timestamp,
}

/// What does not expire.
#[derive(Clone, Debug)]
pub(super) struct Documents {
    /// Whether this release has created the tables, or one with the same tables.
    pub(super) is_current: bool,
    /// The revocation list, as JSON.
    pub(super) revocations: Vec<u8>,
}

/// An entry.
struct Entry {
    expires: Timestamp,
    content: Vec<u8>,
}

type Entries<'a> = Table<'a, &'static [u8], (u64, &'static [u8])>;

// === reading ===

/// What does not expire; `None` in a new database.
pub(super) fn documents(transaction: &ReadTransaction) -> Result<Option<Documents>, redb::Error> {
    let documents = match transaction.open_table(DOCUMENTS) {
        Ok(documents) => documents,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let read = |name| -> Result<Vec<u8>, redb::Error> {
        let found = ReadableTable::get(&documents, name)?;
        Ok(found
            .map(|found| found.value().to_owned())
            .unwrap_or_default())
    };
    Ok(Some(Documents {
        is_current: read(VERSION)? == CURRENT_VERSION,
        revocations: read(REVOCATIONS)?,
    }))
}

/// The record of a session.
pub(super) fn record(
    transaction: &ReadTransaction,
    sid: Id,
) -> Result<Option<Record>, redb::Error> {
    let entry = get(&transaction.open_table(ENTRIES)?, &record_key(sid))?;
    Ok(entry.and_then(Record::parse))
}

/// When a provider session has ended, if that is recorded, and until when a session is linked to it.
pub(super) fn link(
    transaction: &ReadTransaction,
    (provider_session, sid): (Id, Id),
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<Timestamp>), redb::Error> {
    let entries = transaction.open_table(ENTRIES)?;
    let linked = get(&entries, &link_key(provider_session, sid))?;
    Ok((
        ended(&entries, provider_session, now)?,
        linked.map(|entry| entry.expires),
    ))
}

/// The sessions that are linked to a provider session, except `complete`.
pub(super) fn linked_sessions(
    transaction: &ReadTransaction,
    provider_session: Id,
    now: Timestamp,
) -> Result<LinkedSessions, redb::Error> {
    list(&transaction.open_table(ENTRIES)?, provider_session, now)
}

// === writing ===

/// Creates the tables.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(ENTRIES)?;
    transaction.open_table(EXPIRIES)?;
    let mut documents = transaction.open_table(DOCUMENTS)?;
    documents.insert(VERSION, CURRENT_VERSION)?;
    Ok(())
}

/// Replaces the revocation list.
pub(super) fn put_revocations(
    transaction: &WriteTransaction,
    json: &str,
) -> Result<(), redb::Error> {
    let mut documents = transaction.open_table(DOCUMENTS)?;
    documents.insert(REVOCATIONS, json.as_bytes())?;
    Ok(())
}

/// Creates or replaces the record of a session. If `from` is given and the record does not have this
/// generation, or was deleted, nothing is written, and this is `false`.
pub(super) fn put_record(
    transaction: &WriteTransaction,
    sid: Id,
    record: &Record,
    from: Option<u64>,
    now: Timestamp,
) -> Result<bool, redb::Error> {
    let key = record_key(sid);
    let mut entries = transaction.open_table(ENTRIES)?;
    if let Some(from) = from {
        let found = get(&entries, &key)?.and_then(Record::parse);
        if found.is_none_or(|found| found.generation != from) {
            return Ok(false);
        }
    }
    let content = [&record.generation.to_be_bytes()[..], &record.sealed].concat();
    let mut expiries = transaction.open_table(EXPIRIES)?;
    put(&mut entries, &mut expiries, &key, record.expires, &content)?;
    delete_expired(&mut entries, &mut expiries, now)?;
    Ok(true)
}

/// Deletes the record of a session.
pub(super) fn delete_record(transaction: &WriteTransaction, sid: Id) -> Result<(), redb::Error> {
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut expiries = transaction.open_table(EXPIRIES)?;
    delete(&mut entries, &mut expiries, &record_key(sid))
}

/// Links a session of this user to its provider session until `until`, and returns when that has ended, if
/// that is recorded.
pub(super) fn put_link(
    transaction: &WriteTransaction,
    (provider_session, sid): (Id, Id),
    user: Id,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<Timestamp>, redb::Error> {
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut expiries = transaction.open_table(EXPIRIES)?;
    let key = link_key(provider_session, sid);
    put(&mut entries, &mut expiries, &key, until, user.as_bytes())?;
    delete_expired(&mut entries, &mut expiries, now)?;
    ended(&entries, provider_session, now)
}

/// Records until `until` that a provider session has ended, and lists its sessions, except `complete`.
pub(super) fn put_ended(
    transaction: &WriteTransaction,
    provider_session: Id,
    until: Timestamp,
    now: Timestamp,
) -> Result<LinkedSessions, redb::Error> {
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut expiries = transaction.open_table(EXPIRIES)?;
    let (key, at) = (ended_key(provider_session), now.secs().to_be_bytes());
    put(&mut entries, &mut expiries, &key, until, &at)?;
    delete_expired(&mut entries, &mut expiries, now)?;
    list(&entries, provider_session, now)
}

/// How many entries there are.
#[cfg(test)]
pub(super) fn count(transaction: &ReadTransaction) -> Result<(u64, u64), redb::Error> {
    use redb::ReadableTableMetadata as _;
    let entries = transaction.open_table(ENTRIES)?;
    Ok((entries.len()?, transaction.open_table(EXPIRIES)?.len()?))
}

// === keys ===

fn record_key(sid: Id) -> Vec<u8> {
    [b"s", &sid.as_bytes()[..]].concat()
}

fn ended_key(provider_session: Id) -> Vec<u8> {
    [b"e", &provider_session.as_bytes()[..]].concat()
}

fn link_key(provider_session: Id, sid: Id) -> Vec<u8> {
    [b"l", &provider_session.as_bytes()[..], sid.as_bytes()].concat()
}

// === entries ===

fn get(
    entries: &impl ReadableTable<&'static [u8], (u64, &'static [u8])>,
    key: &[u8],
) -> Result<Option<Entry>, redb::Error> {
    let found = entries.get(key)?;
    Ok(found.map(|found| {
        let (expires, content) = found.value();
        Entry {
            expires: Timestamp::from_secs(expires),
            content: content.to_owned(),
        }
    }))
}

fn put(
    entries: &mut Entries<'_>,
    expiries: &mut Table<'_, (u64, &'static [u8]), ()>,
    key: &[u8],
    expires: Timestamp,
    content: &[u8],
) -> Result<(), redb::Error> {
    let before = entries.insert(key, (expires.secs(), content))?;
    let before = before.map(|before| before.value().0);
    if let Some(before) = before {
        expiries.remove((before, key))?;
    }
    expiries.insert((expires.secs(), key), ())?;
    Ok(())
}

fn delete(
    entries: &mut Entries<'_>,
    expiries: &mut Table<'_, (u64, &'static [u8]), ()>,
    key: &[u8],
) -> Result<(), redb::Error> {
    let before = entries.remove(key)?;
    let before = before.map(|before| before.value().0);
    if let Some(before) = before {
        expiries.remove((before, key))?;
    }
    Ok(())
}

fn delete_expired(
    entries: &mut Entries<'_>,
    expiries: &mut Table<'_, (u64, &'static [u8]), ()>,
    now: Timestamp,
) -> Result<(), redb::Error> {
    for _ in 0..MAX_DELETED {
        let first = expiries.first()?.map(|(first, _)| {
            let (expires, key) = first.value();
            (expires, key.to_owned())
        });
        let Some((expires, key)) = first.filter(|(expires, _)| *expires <= now.secs()) else {
            break;
        };
        expiries.remove((expires, &*key))?;
        entries.remove(&*key)?;
    }
    Ok(())
}

fn ended(
    entries: &impl ReadableTable<&'static [u8], (u64, &'static [u8])>,
    provider_session: Id,
    now: Timestamp,
) -> Result<Option<Timestamp>, redb::Error> {
    let entry = get(entries, &ended_key(provider_session))?;
    let entry = entry.filter(|entry| now < entry.expires);
    let at = entry.and_then(|entry| Some(u64::from_be_bytes(entry.content.try_into().ok()?)));
    Ok(at.map(Timestamp::from_secs))
}

fn list(
    entries: &impl ReadableTable<&'static [u8], (u64, &'static [u8])>,
    provider_session: Id,
    now: Timestamp,
) -> Result<LinkedSessions, redb::Error> {
    let first = link_key(provider_session, Id::from_bytes([0; 16]));
    let last = link_key(provider_session, Id::from_bytes([u8::MAX; 16]));
    let mut listed = LinkedSessions::default();
    for entry in entries.range(&*first..=&*last)? {
        let (key, value) = entry?;
        let (expires, user) = value.value();
        let id = |bytes: Option<&[u8]>| Some(Id::from_bytes(bytes?.try_into().ok()?));
        let Some(sid) = id(key.value().get(first.len() - 16..)) else {
            continue;
        };
        if expires <= now.secs() {
            continue;
        }
        if listed.sessions.len() == MAX_LISTED {
            listed.has_more = true;
            break;
        }
        let user = id(Some(user));
        listed.sessions.push(LinkedSession { sid, user });
    }
    Ok(listed)
}

// === impl Record ===

impl Record {
    fn parse(entry: Entry) -> Option<Self> {
        let (generation, sealed) = entry.content.split_first_chunk::<8>()?;
        Some(Self {
            generation: u64::from_be_bytes(*generation),
            sealed: sealed.to_owned(),
            expires: entry.expires,
        })
    }
}
