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
use portcullis_core::keys::KeyRecord;
use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use self::keys::KeyReader;
use self::owners::OwnersReader;
use self::revocations::RevocationsReader;
use crate::call::{Call, CallId};
use crate::call_response::CallResponse;
use crate::update::Update;

/// A cell of shared data that a reader uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CellId {
    /// The record: the schedule and the lease of fetches, and the keys.
    Record,
    /// The list of revocations.
    List,
}

/// The content of a cell.
#[derive(Clone, Copy, Debug)]
pub struct CellContent<'a> {
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
pub struct TimeAndRandom {
    /// The time.
    pub time: Timestamp,
    /// An unpredictable random number, for the jitter and for ids.
    pub random: u64,
}

/// Why keys should be fetched before the schedule says so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FetchTriggers {
    /// A request waits for the keys.
    pub by_request: bool,
    /// A new key of another trust entry waits until it is known that these keys do not contain it.
    pub by_new_key: bool,
}

/// What the adapter must do. Effects are queued; drain the queue after each event.
#[derive(Debug)]
pub enum ReaderEffect {
    /// Make this call, and pass the response to [`Reader::handle_response`].
    Call(Call),
    /// Pass to [`crate::Engine::keys_fetched`] whether a fetch of this source succeeded.
    KeysFetched(KeySourceId, bool),
    /// Write a line to the proxy's log.
    Log(Level, String),
    /// Read this cell and pass it to [`Reader::read`].
    Read(CellId),
    /// Pass this to [`crate::Engine::update`], and keys to [`Reader::update_keys`] of all readers.
    Update(Update),
    /// Write a text to a cell, if it still has the version `over`, or unconditionally if `over` is
    /// `None`. Pass to [`Reader::written`] whether it was written.
    Write {
        /// The cell.
        cell: CellId,
        /// The text.
        text: String,
        /// The version to replace.
        over: Option<u32>,
    },
}

/// Fetches one key source or the companion's revocations, or updates the owners of the keys of one
/// issuer, in turn with the readers of other workers.
#[derive(Debug)]
pub struct Reader(ReaderKind);

#[derive(Debug)]
enum ReaderKind {
    Keys(Box<KeyReader>),
    Owners(Box<OwnersReader>),
    Revocations(Box<RevocationsReader>),
}

impl Reader {
    /// The readers for a policy. `now.random` becomes the id of this worker.
    #[must_use]
    pub fn of(policy: &Policy, now: TimeAndRandom) -> Vec<Self> {
        let sources = policy.key_sources();
        let keys = sources.filter_map(|(source, trust)| {
            let reader = KeyReader::new(source, trust, now.random, now)?;
            Some(ReaderKind::Keys(Box::new(reader)))
        });
        let revocations = policy.sso().map(|sso| {
            let reader = RevocationsReader::new(sso, now.random);
            ReaderKind::Revocations(Box::new(reader))
        });
        // Last, because they compare the keys that the other readers have read on the same tick.
        let owners = OwnersReader::of(policy, now).into_iter();
        let owners = owners.map(|reader| ReaderKind::Owners(Box::new(reader)));
        keys.chain(revocations).chain(owners).map(Self).collect()
    }

    /// The name of a cell, which starts with the product and the format version.
    #[must_use]
    pub fn name(&self, cell: CellId) -> &str {
        match &self.0 {
            ReaderKind::Keys(reader) => reader.name(),
            ReaderKind::Owners(reader) => reader.name(),
            ReaderKind::Revocations(reader) => reader.name(cell),
        }
    }

    /// The source whose keys are fetched; `None` for revocations.
    #[must_use]
    pub fn source(&self) -> Option<KeySourceId> {
        match &self.0 {
            ReaderKind::Keys(reader) => Some(reader.source()),
            ReaderKind::Owners(_) | ReaderKind::Revocations(_) => None,
        }
    }

    /// Takes the keys of a source that another reader has read.
    pub fn update_keys(&mut self, source: KeySourceId, record: &Arc<KeyRecord>) {
        if let ReaderKind::Owners(reader) = &mut self.0 {
            reader.update_keys(source, record);
        }
    }

    /// Reads the record, and writes an initial one if there is none. Envoy loads a configuration on
    /// its main thread before any worker, so there is only one writer, and no worker's lease is
    /// overwritten.
    pub fn start(&mut self, record: Option<CellContent<'_>>) {
        match &mut self.0 {
            ReaderKind::Keys(reader) => {
                if reader.read_record(record).is_none() {
                    reader.seed();
                }
            }
            ReaderKind::Owners(reader) => {
                if reader.read_record(record).is_none() {
                    reader.seed();
                }
            }
            ReaderKind::Revocations(reader) => {
                if reader.read_record(record).is_none() {
                    reader.seed();
                }
            }
        }
    }

    /// Reads the record, and starts a fetch if one is due or triggered.
    pub fn tick(
        &mut self,
        record: Option<CellContent<'_>>,
        triggers: FetchTriggers,
        now: TimeAndRandom,
    ) {
        match &mut self.0 {
            ReaderKind::Keys(reader) => reader.tick(record, triggers, now),
            ReaderKind::Owners(reader) => reader.tick(record, now),
            ReaderKind::Revocations(reader) => reader.tick(record, now),
        }
    }

    /// Reads a cell that [`ReaderEffect::Read`] requested.
    pub fn read(&mut self, cell: CellId, shared: Option<CellContent<'_>>, now: TimeAndRandom) {
        match (&mut self.0, cell) {
            (ReaderKind::Keys(reader), _) => {
                reader.read_record(shared);
            }
            (ReaderKind::Owners(reader), _) => {
                reader.read_record(shared);
            }
            (ReaderKind::Revocations(reader), CellId::Record) => {
                reader.read_record(shared);
            }
            (ReaderKind::Revocations(reader), CellId::List) => reader.read_list(shared, now),
        }
    }

    /// Handles the response to a call, with the current record; `None` for a call that failed, timed
    /// out or could not be made. An unexpected response is ignored.
    pub fn handle_response(
        &mut self,
        call: CallId,
        response: Option<&CallResponse<'_>>,
        record: Option<CellContent<'_>>,
        now: TimeAndRandom,
    ) {
        match &mut self.0 {
            ReaderKind::Keys(reader) => reader.handle_response(call, response, record, now),
            ReaderKind::Owners(_) => {}
            ReaderKind::Revocations(reader) => reader.handle_response(call, response, record, now),
        }
    }

    /// Reports whether a [`ReaderEffect::Write`] was done.
    pub fn written(&mut self, is_done: bool) {
        match &mut self.0 {
            ReaderKind::Keys(reader) => reader.written(is_done),
            ReaderKind::Owners(reader) => reader.written(is_done),
            ReaderKind::Revocations(reader) => reader.written(is_done),
        }
    }

    /// The next effect, in order.
    pub fn next_effect(&mut self) -> Option<ReaderEffect> {
        match &mut self.0 {
            ReaderKind::Keys(reader) => reader.effects.pop_front(),
            ReaderKind::Owners(reader) => reader.effects.pop_front(),
            ReaderKind::Revocations(reader) => reader.effects.pop_front(),
        }
    }
}
