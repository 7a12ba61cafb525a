//! Fetches keys and revocations on schedule, and shares them with the other workers.
//!
//! The workers share the keys of a trust entry as one record in a cell of shared data. The first
//! worker that writes its lease into the record does the fetch; the others check the record on
//! every tick. The companion's revocations work in the same way, with a separate cell for the list.
//!
//! A cell has a version, which changes with each write (compare-and-swap). A write names the
//! version that it replaces, so if two workers write at the same time, one of them fails.

mod keys;
mod owners;
mod revocations;
mod shared_cell;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use log::Level;
use portcullis_core::keys::{KeyOwners, KeyRecord};
use portcullis_core::policy::Policy;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use self::keys::KeyReader;
use self::owners::OwnersReader;
use self::revocations::RevocationsReader;
use crate::call::{Call, CallId};
use crate::reply::Reply;

/// A cell of shared data that a reader uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cell {
    /// The record: the schedule and the lease of fetches, and the keys.
    Record,
    /// The list of revocations.
    List,
}

/// The content of a cell.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Its version.
    pub version: u32,
}

/// The time and a random number for an event.
///
/// Read the clock *after* the cell that is passed with the event. Otherwise a lease that another
/// worker has written in between lies in the future, and counts as written before the clock stepped
/// back.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time.
    pub time: Timestamp,
    /// An unpredictable random number, for the jitter and for ids.
    pub random: u64,
}

/// Why keys should be fetched before the schedule says so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wanted {
    /// A request waits for the keys.
    pub by_request: bool,
    /// A new key of another trust entry waits until it is known that these keys do not contain it.
    pub by_new_key: bool,
}

/// What the adapter must do. Effects are queued; drain the queue after each event.
#[derive(Debug)]
pub enum ReaderEffect {
    /// Make this call, and pass the reply to [`Reader::reply`].
    Call(Call),
    /// Pass the keys of this source to [`crate::Engine::update_keys`], and to [`Reader::update_keys`] of all
    /// readers.
    Keys(KeySourceId, Arc<KeyRecord>),
    /// Pass to [`crate::Engine::keys_fetched`] whether a fetch of this source succeeded.
    KeysFetched(KeySourceId, bool),
    /// Pass the owners of the keys of this issuer to [`crate::Engine::update_owners`].
    Owners(Arc<str>, Arc<KeyOwners>),
    /// Write a line to the proxy's log.
    Log(Level, String),
    /// Read this cell and pass it to [`Reader::read`].
    Read(Cell),
    /// Pass these to the [`Engine`](crate::Engine) of the worker.
    Revocations(Arc<Revocations>, RevocationsRecord),
    /// Write a text to a cell, if it still has the version `over`, or unconditionally if `over` is
    /// `None`. Pass to [`Reader::written`] whether it was written.
    Write {
        /// The cell.
        cell: Cell,
        /// The text.
        text: String,
        /// The version to replace.
        over: Option<u32>,
    },
}

/// Fetches one key source, or the companion's revocations, in turn with the readers of other
/// workers.
#[derive(Debug)]
pub struct Reader(Subject);

#[derive(Debug)]
enum Subject {
    Keys(Box<KeyReader>),
    Owners(Box<OwnersReader>),
    Revocations(Box<RevocationsReader>),
}

impl Reader {
    /// The readers for a policy. `now.random` becomes the id of this worker.
    #[must_use]
    pub fn of(policy: &Policy, now: Moment) -> Vec<Self> {
        let sources = policy.key_sources();
        let keys = sources.filter_map(|(source, trust)| {
            let reader = KeyReader::new(source, trust, now.random, now)?;
            Some(Subject::Keys(Box::new(reader)))
        });
        let revocations = policy.sso().map(|sso| {
            let reader = RevocationsReader::new(sso, now.random);
            Subject::Revocations(Box::new(reader))
        });
        // Last, because they compare the keys that the other readers have read on the same tick.
        let owners = OwnersReader::of(policy, now).into_iter();
        let owners = owners.map(|reader| Subject::Owners(Box::new(reader)));
        keys.chain(revocations).chain(owners).map(Self).collect()
    }

    /// The name of a cell, which starts with the product and the format version.
    #[must_use]
    pub fn name(&self, cell: Cell) -> &str {
        match &self.0 {
            Subject::Keys(reader) => reader.name(),
            Subject::Owners(reader) => reader.name(),
            Subject::Revocations(reader) => reader.name(cell),
        }
    }

    /// The source whose keys are fetched; `None` for revocations.
    #[must_use]
    pub fn source(&self) -> Option<KeySourceId> {
        match &self.0 {
            Subject::Keys(reader) => Some(reader.source()),
            Subject::Owners(_) | Subject::Revocations(_) => None,
        }
    }

    /// Takes the keys of a source that another reader has read.
    pub fn update_keys(&mut self, source: KeySourceId, record: &Arc<KeyRecord>) {
        if let Subject::Owners(reader) = &mut self.0 {
            reader.update_keys(source, record);
        }
    }

    /// Reads the record, and writes an initial one if there is none. Envoy loads a configuration on
    /// its main thread before any worker, so there is only one writer, and no worker's lease is
    /// overwritten.
    pub fn start(&mut self, record: Option<Shared<'_>>) {
        match &mut self.0 {
            Subject::Keys(reader) => {
                if reader.read_record(record).is_none() {
                    reader.seed();
                }
            }
            Subject::Owners(reader) => {
                if reader.read_record(record).is_none() {
                    reader.seed();
                }
            }
            Subject::Revocations(reader) => {
                if reader.read_record(record).is_none() {
                    reader.seed();
                }
            }
        }
    }

    /// Reads the record, and starts a fetch if one is due or wanted.
    pub fn tick(&mut self, record: Option<Shared<'_>>, wanted: Wanted, now: Moment) {
        match &mut self.0 {
            Subject::Keys(reader) => reader.tick(record, wanted, now),
            Subject::Owners(reader) => reader.tick(record, now),
            Subject::Revocations(reader) => reader.tick(record, now),
        }
    }

    /// Reads a cell that [`ReaderEffect::Read`] requested.
    pub fn read(&mut self, cell: Cell, shared: Option<Shared<'_>>, now: Moment) {
        match (&mut self.0, cell) {
            (Subject::Keys(reader), _) => {
                reader.read_record(shared);
            }
            (Subject::Owners(reader), _) => {
                reader.read_record(shared);
            }
            (Subject::Revocations(reader), Cell::Record) => {
                reader.read_record(shared);
            }
            (Subject::Revocations(reader), Cell::List) => reader.read_list(shared, now),
        }
    }

    /// Handles the reply to a call, with the current record; `None` for a call that failed, timed
    /// out or could not be made. An unexpected reply is ignored.
    pub fn reply(
        &mut self,
        call: CallId,
        reply: Option<&Reply<'_>>,
        record: Option<Shared<'_>>,
        now: Moment,
    ) {
        match &mut self.0 {
            Subject::Keys(reader) => reader.reply(call, reply, record, now),
            Subject::Owners(_) => {}
            Subject::Revocations(reader) => reader.reply(call, reply, record, now),
        }
    }

    /// Reports whether a [`ReaderEffect::Write`] was done.
    pub fn written(&mut self, is_done: bool) {
        match &mut self.0 {
            Subject::Keys(reader) => reader.written(is_done),
            Subject::Owners(reader) => reader.written(is_done),
            Subject::Revocations(reader) => reader.written(is_done),
        }
    }

    /// The next effect, in order.
    pub fn next_effect(&mut self) -> Option<ReaderEffect> {
        match &mut self.0 {
            Subject::Keys(reader) => reader.effects.pop_front(),
            Subject::Owners(reader) => reader.effects.pop_front(),
            Subject::Revocations(reader) => reader.effects.pop_front(),
        }
    }
}
