//! Fetches one trust entry's keys while this worker holds the lease.

use std::collections::VecDeque;
use std::sync::Arc;

use log::Level;
use portcullis_core::keys::{KeyRecord, KeyWarning, Read, ReadError};
use portcullis_core::trust::{KeySourceId, Remote, Trust};

use super::shared_cell::{Seen, SharedCell};
use super::{Cell, Moment, ReaderEffect, Shared, Wanted};
use crate::call::{Call, CallId};
use crate::reply::Reply;

/// The prefix of record names: the product and the format version.
const PREFIX: &str = "portcullis/1/keys/";

/// Fetches the keys of one source, in turn with other workers.
#[derive(Debug)]
pub(super) struct KeyReader {
    /// The source, its trust entry, and how its keys are fetched.
    source: KeySourceId,
    trust: Trust,
    remote: Remote,
    /// The id of this worker in leases.
    worker: u64,
    name: String,
    cell: SharedCell,
    /// The shared record, as this worker has last seen it.
    record: Arc<KeyRecord>,
    /// The fetch in progress.
    call: Option<(CallId, Read)>,
    last_call: u64,
    /// What to do when the record is written.
    writing: Option<Writing>,
    pub(super) effects: VecDeque<ReaderEffect>,
}

/// What to do when a record is written.
#[derive(Debug)]
enum Writing {
    /// The lease was taken: start this fetch.
    Lease(Read),
    /// A reply was applied to the record.
    Reply {
        record: Box<KeyRecord>,
        taken: Result<Option<Read>, ReadError>,
    },
}

impl KeyReader {
    /// A reader for this source; `None` if it has only inline keys.
    pub(super) fn new(
        source: KeySourceId,
        trust: &Trust,
        worker: u64,
        now: Moment,
    ) -> Option<Self> {
        Some(Self {
            source,
            remote: trust.keys.remote.clone()?,
            worker,
            name: [PREFIX, &trust.keys_id()].concat(),
            cell: SharedCell::default(),
            record: Arc::new(KeyRecord::new(&trust.keys, now.time)),
            call: None,
            last_call: 0,
            writing: None,
            effects: VecDeque::new(),
            trust: trust.clone(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn source(&self) -> KeySourceId {
        self.source
    }

    /// Reads the shared record if it has changed, and returns its version; `None` if there is no
    /// valid record.
    pub(super) fn read_record(&mut self, shared: Option<Shared<'_>>) -> Option<u32> {
        match self.cell.read(shared, KeyRecord::from_text) {
            Ok(seen) => {
                let Seen { version, changed } = seen?;
                if let Some(record) = changed {
                    self.record = Arc::new(record);
                    let record = Arc::clone(&self.record);
                    self.effects
                        .push_back(ReaderEffect::Keys(self.source, record));
                }
                Some(version)
            }
            Err(error) => {
                let line = format!("portcullis: trust {}: {error}", self.trust.name);
                self.effects
                    .push_back(ReaderEffect::Log(Level::Error, line));
                None
            }
        }
    }

    /// Writes this worker's record if there is none, or over an invalid one, so that known keys
    /// stay.
    pub(super) fn seed(&mut self) {
        let record = (*self.record).clone().without_lease();
        self.writing = None;
        self.write(&record, self.cell.unreadable());
    }

    /// Takes the lease, if a fetch is due or wanted and no other worker was faster.
    pub(super) fn tick(&mut self, shared: Option<Shared<'_>>, wanted: Wanted, now: Moment) {
        let Some(version) = self.read_record(shared) else {
            return self.seed();
        };
        let is_due = self
            .record
            .is_due(&self.remote, now.time, wanted.by_request);
        let confirms = !is_due && wanted.by_new_key && self.record.is_confirmation_due(now.time);
        if is_due || confirms {
            let mut record = (*self.record).clone();
            if confirms {
                record.begin_confirmation(now.time);
            }
            let read = record.begin(&self.trust, &self.remote, self.worker, now.time);
            self.writing = Some(Writing::Lease(read));
            self.write(&record, Some(version));
        }
    }

    /// Applies the reply to the record, if this worker still holds the lease.
    pub(super) fn reply(
        &mut self,
        call: CallId,
        reply: Option<&Reply<'_>>,
        shared: Option<Shared<'_>>,
        now: Moment,
    ) {
        let Some((_, read)) = self.call.take_if(|(id, _)| *id == call) else {
            return;
        };
        let version = self.read_record(shared);
        let Some(version) = version.filter(|_| self.record.is_led_by(self.worker)) else {
            return;
        };
        let mut record = (*self.record).clone();
        let response = reply.map(Reply::response);
        let taken = record.take(
            &self.trust,
            &self.remote,
            &read,
            response.as_ref(),
            now.time,
            now.random,
        );
        self.write(&record, Some(version));
        self.writing = Some(Writing::Reply {
            record: Box::new(record),
            taken,
        });
    }

    /// Continues after a write. `false` means that another worker was faster, or that the host
    /// refused.
    pub(super) fn written(&mut self, is_done: bool) {
        match self.writing.take().filter(|_| is_done) {
            None => {}
            Some(Writing::Lease(read)) => self.call(read),
            Some(Writing::Reply { record, taken }) => {
                match taken {
                    Ok(Some(next)) => self.call(next),
                    Ok(None) => {
                        self.effects
                            .push_back(ReaderEffect::KeysFetched(self.source, true));
                        self.warn_about_skipped_keys(&record);
                    }
                    Err(error) => {
                        self.effects
                            .push_back(ReaderEffect::KeysFetched(self.source, false));
                        let warning = KeyWarning::FetchFailed {
                            trust: &self.trust.name,
                            from: None,
                            error: &error,
                            is_cached: record.set().is_some(),
                        };
                        let line = format!("portcullis: {warning}");
                        self.effects.push_back(ReaderEffect::Log(Level::Warn, line));
                    }
                }
                // Read the record back at once, so that waiting requests on this worker need not
                // wait for the next tick.
                self.effects.push_back(ReaderEffect::Read(Cell::Record));
            }
        }
    }

    fn call(&mut self, read: Read) {
        self.last_call = self.last_call.wrapping_add(1);
        let id = CallId(self.last_call);
        let call = Call::fetch_keys(id, &self.remote, &read);
        self.call = Some((id, read));
        self.effects.push_back(ReaderEffect::Call(call));
    }

    fn write(&mut self, record: &KeyRecord, over: Option<u32>) {
        self.effects.push_back(ReaderEffect::Write {
            cell: Cell::Record,
            text: record.to_text(),
            over,
        });
    }

    /// Warns about the skipped keys of a set, if the set has changed.
    fn warn_about_skipped_keys(&mut self, record: &KeyRecord) {
        let name = &self.trust.name;
        for warning in KeyWarning::of_skipped(name, record.set(), self.record.set()) {
            let line = format!("portcullis: {warning}");
            self.effects.push_back(ReaderEffect::Log(Level::Warn, line));
        }
    }
}
