//! Reads the companion's revocations, when this worker has the lease.

use std::collections::VecDeque;
use std::sync::Arc;

use log::Level;
use portcullis_core::policy::Sso;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;

use super::shared_cell::{Seen, SharedCell};
use super::{Cell, Moment, ReaderEffect, Shared};
use crate::call::{Call, CallId};
use crate::reply::Reply;

/// What the names in shared data begin with: product and format version.
const PREFIX: &str = "portcullis/1/revocations/";

/// What the name of the list itself ends with.
const LIST: &str = "/list";

/// One worker's part in reading the companion's revocations.
#[derive(Debug)]
pub(super) struct RevocationsReader {
    sso: Sso,
    /// Tells this worker's leases from the others'.
    worker: u64,
    name: String,
    /// The name of the list itself.
    list_name: String,
    cell: SharedCell,
    /// What the workers know together of how the list is read, as this one has seen it.
    record: RevocationsRecord,
    /// All revocations that this worker knows: lists are united, and nothing is dropped before its
    /// end.
    list: Arc<Revocations>,
    /// The shared list that this worker has taken over last.
    list_id: Option<u64>,
    call: Option<CallId>,
    last_call: u64,
    step: Step,
    pub(super) effects: VecDeque<ReaderEffect>,
}

/// Which step of a read is under way.
#[derive(Debug)]
enum Step {
    /// None.
    Idle,
    /// The lease is being written.
    Lease,
    /// Another worker's list is to be taken over before what was read is shared, because what is
    /// shared replaces it.
    TakeOver(Taken),
    /// The list is being written.
    List(Taken),
    /// The record is being written.
    Record,
}

/// A reply, taken into the record.
#[derive(Debug)]
struct Taken {
    record: RevocationsRecord,
    /// The list, where it could be read.
    list: Option<Revocations>,
    /// The version of the record that it was made from.
    version: u32,
    /// A number that no list had before.
    chance: u64,
}

impl RevocationsReader {
    /// A reader of this companion's list. Its name in shared data follows from the companion's URL
    /// and cluster alone, so that a policy edit starts with the list there is.
    pub(super) fn new(sso: &Sso, worker: u64) -> Self {
        let name = [PREFIX, &sso.keys().keys_id()].concat();
        Self {
            sso: sso.clone(),
            worker,
            list_name: [&name, LIST].concat(),
            name,
            cell: SharedCell::default(),
            record: RevocationsRecord::default(),
            list: Arc::default(),
            list_id: None,
            call: None,
            last_call: 0,
            step: Step::Idle,
            effects: VecDeque::new(),
        }
    }

    pub(super) fn name(&self, cell: Cell) -> &str {
        match cell {
            Cell::Record => &self.name,
            Cell::List => &self.list_name,
        }
    }

    /// Takes over what other workers have read, if it has changed. `None` where nothing that can be
    /// read is shared, else its version.
    pub(super) fn look(&mut self, shared: Option<Shared<'_>>) -> Option<u32> {
        match self.cell.look(shared, RevocationsRecord::from_text) {
            Ok(seen) => {
                let Seen { version, changed } = seen?;
                if let Some(record) = changed {
                    self.record = record;
                    self.publish();
                    if self.record.list() != self.list_id {
                        self.list_id = self.record.list();
                        self.effects.push_back(ReaderEffect::Look(Cell::List));
                    }
                }
                Some(version)
            }
            Err(error) => {
                let line = format!("portcullis: revocations: {error}");
                self.log(Level::Error, line);
                None
            }
        }
    }

    /// Takes over the shared list. What this worker knows besides stays.
    pub(super) fn list(&mut self, shared: Option<Shared<'_>>, now: Moment) {
        match shared.map(|shared| Revocations::parse(shared.text)) {
            Some(Ok(list)) => {
                self.unite(&list, now.time);
            }
            Some(Err(error)) => self.log(Level::Error, format!("portcullis: {error}")),
            None => {}
        }
        match std::mem::replace(&mut self.step, Step::Idle) {
            Step::TakeOver(taken) => self.share(taken, now),
            step => self.step = step,
        }
    }

    /// Writes that nothing was read yet, where there is no record or something else.
    pub(super) fn seed(&mut self) {
        let record = self.record.clone().without_lease();
        self.step = Step::Idle;
        self.write_record(&record, self.cell.unreadable());
    }

    /// Takes the lease, if a read is due and no other worker was faster.
    pub(super) fn tick(&mut self, shared: Option<Shared<'_>>, now: Moment) {
        let Some(version) = self.look(shared) else {
            return self.seed();
        };
        if self.record.is_due(now.time) {
            let mut record = self.record.clone();
            record.begin(self.worker, now.time);
            self.step = Step::Lease;
            self.write_record(&record, Some(version));
        }
    }

    /// Takes the reply to its call, if this worker still has the lease.
    pub(super) fn reply(
        &mut self,
        call: CallId,
        reply: Option<&Reply<'_>>,
        shared: Option<Shared<'_>>,
        now: Moment,
    ) {
        if self.call.take_if(|id| *id == call).is_none() {
            return;
        }
        let list_id = self.list_id;
        let version = self.look(shared);
        let Some(version) = version.filter(|_| self.record.is_led_by(self.worker)) else {
            return;
        };
        let mut record = self.record.clone();
        let response = reply.map(Reply::response);
        let list = record.take(response.as_ref(), now.time, now.chance);
        let list = list.inspect_err(|error| {
            let line = format!(
                "portcullis: the revocations could not be read through cluster {}: {error}; the \
                 known ones stay in use",
                self.sso.envoy_cluster()
            );
            self.log(Level::Warn, line);
        });
        let taken = Taken {
            record,
            list: list.ok(),
            version,
            chance: now.chance,
        };
        if self.list_id == list_id {
            self.share(taken, now);
        } else {
            // The list was asked for by `look`.
            self.step = Step::TakeOver(taken);
        }
    }

    /// Shares all that this worker knows, what other workers had shared before among it, where any of
    /// what was read is new.
    fn share(&mut self, taken: Taken, now: Moment) {
        let is_new = match &taken.list {
            Some(list) => self.unite(list, now.time),
            None => false,
        };
        if is_new {
            self.effects.push_back(ReaderEffect::Write {
                cell: Cell::List,
                text: self.list.to_json(),
                over: None,
            });
            self.step = Step::List(taken);
        } else {
            self.step = Step::Record;
            self.write_record(&taken.record, Some(taken.version));
        }
    }

    /// Continues once something is written. `false` means that another worker was faster, or that the
    /// host refused.
    pub(super) fn written(&mut self, is_done: bool) {
        match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Lease if is_done => {
                self.last_call = self.last_call.wrapping_add(1);
                let id = CallId(self.last_call);
                self.call = Some(id);
                let call = Call::revocations(id, &self.sso);
                self.effects.push_back(ReaderEffect::Call(call));
            }
            Step::List(mut taken) => {
                if is_done {
                    taken.record.share(taken.chance);
                    self.list_id = taken.record.list();
                }
                self.step = Step::Record;
                self.write_record(&taken.record, Some(taken.version));
            }
            Step::Record => self.effects.push_back(ReaderEffect::Look(Cell::Record)),
            step @ Step::TakeOver(_) => self.step = step,
            Step::Idle | Step::Lease => {}
        }
    }

    /// Adds a list to what this worker knows, and says whether any of it was new.
    fn unite(&mut self, list: &Revocations, now: Timestamp) -> bool {
        let mut united = (*self.list).clone();
        united.prune(now);
        let before = united.clone();
        united.unite(list, now);
        let is_new = united != before;
        self.list = Arc::new(united);
        self.publish();
        is_new
    }

    fn publish(&mut self) {
        let (list, record) = (Arc::clone(&self.list), self.record.clone());
        self.effects
            .push_back(ReaderEffect::Revocations(list, record));
    }

    fn write_record(&mut self, record: &RevocationsRecord, over: Option<u32>) {
        self.effects.push_back(ReaderEffect::Write {
            cell: Cell::Record,
            text: record.to_text(),
            over,
        });
    }

    fn log(&mut self, level: Level, line: String) {
        self.effects.push_back(ReaderEffect::Log(level, line));
    }
}
