//! Reads keys and revocations when it is time, and shares what was read with the other workers.
//!
//! What the workers know together of a trust entry's keys is one record in a cell that all of them
//! see. The worker that writes its lease into the record first reads; the others look at the record
//! on every tick. The same holds for the companion's revocations, whose list has a cell of its own.
//!
//! A cell has a version, which grows with each write. A text is written over the version that it was
//! made from, so that of two workers that write at once one fails.

mod keys;
mod revocations;
mod shared_cell;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use log::Level;
use portcullis_core::keys::KeyRecord;
use portcullis_core::policy::Policy;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use self::keys::KeyReader;
use self::revocations::RevocationsReader;
use crate::call::{Call, CallId};
use crate::reply::Reply;

/// A cell of a reader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cell {
    /// What the workers know together: when and by whom it is read, and the keys themselves.
    Record,
    /// The list of revocations.
    List,
}

/// What is in a cell.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Its version.
    pub version: u32,
}

/// The moment of an event.
///
/// It is taken *after* the cell that comes with the event was read: to a clock read before, a lease
/// that another worker has taken since would lie in the future, and count as written by a clock that
/// has stepped back.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time.
    pub time: Timestamp,
    /// Any number that nobody can guess. It spreads the reads of many proxies.
    pub chance: u64,
}

/// What the adapter should do. Effects are queued, to be drained after each event.
#[derive(Debug)]
pub enum ReaderEffect {
    /// Make this call. The reply goes to [`Reader::reply`].
    Call(Call),
    /// Hand the keys of this source to [`crate::Engine::keys`].
    Keys(KeySourceId, Arc<KeyRecord>),
    /// Tell [`crate::Engine::keys_were_read`] whether a read of this source was good.
    KeysRead(KeySourceId, bool),
    /// Write a line into the proxy's log.
    Log(Level, String),
    /// Read this cell and hand it to [`Reader::look`].
    Look(Cell),
    /// Hand these to [`crate::Engine::revocations`].
    Revocations(Arc<Revocations>, RevocationsRecord),
    /// Write a text into a cell, if that is still of the version `over`, or in any case where that
    /// is `None`. Whether it was written goes to [`Reader::written`].
    Write {
        /// The cell.
        cell: Cell,
        /// The text.
        text: String,
        /// The version to write over.
        over: Option<u32>,
    },
}

/// One worker's part in reading one key source, or the companion's revocations, for all workers.
#[derive(Debug)]
pub struct Reader(Subject);

#[derive(Debug)]
enum Subject {
    Keys(Box<KeyReader>),
    Revocations(Box<RevocationsReader>),
}

impl Reader {
    /// Readers for all that a policy has fetched. `now.chance` tells this worker from the others.
    #[must_use]
    pub fn of(policy: &Policy, now: Moment) -> Vec<Self> {
        let sources = policy.key_sources();
        let keys = sources.filter_map(|(source, trust)| {
            let reader = KeyReader::new(source, trust, now.chance, now)?;
            Some(Subject::Keys(Box::new(reader)))
        });
        let revocations = policy.sso().map(|sso| {
            let reader = RevocationsReader::new(sso, now.chance);
            Subject::Revocations(Box::new(reader))
        });
        keys.chain(revocations).map(Self).collect()
    }

    /// The name of a cell, which starts with product and format version.
    #[must_use]
    pub fn name(&self, cell: Cell) -> &str {
        match &self.0 {
            Subject::Keys(reader) => reader.name(),
            Subject::Revocations(reader) => reader.name(cell),
        }
    }

    /// The source whose keys are read; `None` for revocations.
    #[must_use]
    pub fn source(&self) -> Option<KeySourceId> {
        match &self.0 {
            Subject::Keys(reader) => Some(reader.source()),
            Subject::Revocations(_) => None,
        }
    }

    /// Takes over the record, and writes a first one where there is none. Envoy tries a
    /// configuration on its main thread before any worker has it, so there is one writer, and no
    /// worker's lease is overwritten.
    pub fn start(&mut self, record: Option<Shared<'_>>) {
        match &mut self.0 {
            Subject::Keys(reader) => {
                if reader.look(record).is_none() {
                    reader.seed();
                }
            }
            Subject::Revocations(reader) => {
                if reader.look(record).is_none() {
                    reader.seed();
                }
            }
        }
    }

    /// Takes over the record, and begins to read if that is due. `wanted` says that a request waits
    /// for the keys.
    pub fn tick(&mut self, record: Option<Shared<'_>>, wanted: bool, now: Moment) {
        match &mut self.0 {
            Subject::Keys(reader) => reader.tick(record, wanted, now),
            Subject::Revocations(reader) => reader.tick(record, now),
        }
    }

    /// Takes over a cell that [`ReaderEffect::Look`] asked for.
    pub fn look(&mut self, cell: Cell, shared: Option<Shared<'_>>, now: Moment) {
        match (&mut self.0, cell) {
            (Subject::Keys(reader), _) => {
                reader.look(shared);
            }
            (Subject::Revocations(reader), Cell::Record) => {
                reader.look(shared);
            }
            (Subject::Revocations(reader), Cell::List) => reader.list(shared, now),
        }
    }

    /// Takes the reply to a call, and the record as it is now; `None` for a call that failed, timed
    /// out or could not be made. A reply that nobody waits for is ignored.
    pub fn reply(
        &mut self,
        call: CallId,
        reply: Option<&Reply<'_>>,
        record: Option<Shared<'_>>,
        now: Moment,
    ) {
        match &mut self.0 {
            Subject::Keys(reader) => reader.reply(call, reply, record, now),
            Subject::Revocations(reader) => reader.reply(call, reply, record, now),
        }
    }

    /// Says whether what [`ReaderEffect::Write`] asked for was written.
    pub fn written(&mut self, is_done: bool) {
        match &mut self.0 {
            Subject::Keys(reader) => reader.written(is_done),
            Subject::Revocations(reader) => reader.written(is_done),
        }
    }

    /// The next effect, in the order in which they came.
    pub fn next_effect(&mut self) -> Option<ReaderEffect> {
        match &mut self.0 {
            Subject::Keys(reader) => reader.effects.pop_front(),
            Subject::Revocations(reader) => reader.effects.pop_front(),
        }
    }
}
