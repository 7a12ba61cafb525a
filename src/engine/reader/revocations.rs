//! Fetches the companion's revocations while this worker holds the lease.

use std::collections::VecDeque;
use std::sync::Arc;

use log::Level;
use portcullis_core::policy::Sso;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;

use super::shared_cell::{ParsedCell, SharedCell};
use super::{CellContent, CellId, ReaderEffect, TimeAndRandom};
use crate::call::{Call, CallId};
use crate::call_response::CallResponse;
use crate::update::Update;

/// The prefix of names in shared data: the product and the format version.
const PREFIX: &str = "portcullis/1/revocations/";

/// The suffix of the list's name.
const LIST: &str = "/list";

/// Fetches the companion's revocations, in turn with other workers.
#[derive(Debug)]
pub(super) struct RevocationsReader {
    sso: Sso,
    /// The id of this worker in leases.
    worker: u64,
    name: String,
    /// The name of the list.
    list_name: String,
    cell: SharedCell,
    /// The shared record, as this worker has last seen it.
    record: RevocationsRecord,
    /// All revocations that this worker knows. Lists are merged, and no entry is dropped before it
    /// expires.
    list: Arc<Revocations>,
    /// The id of the shared list that this worker has last merged.
    list_id: Option<u64>,
    /// The entity tag of the list that this worker has last fetched and merged.
    etag: Option<String>,
    call: Option<CallId>,
    last_call: u64,
    step: FetchStep,
    pub(super) effects: VecDeque<ReaderEffect>,
}

/// The current step of a fetch.
#[derive(Debug)]
enum FetchStep {
    /// None.
    Idle,
    /// The lease is being written.
    Lease,
    /// Another worker's list must be merged before this worker's list replaces it.
    TakeOver(AppliedResponse),
    /// The list is being written.
    List(AppliedResponse),
    /// The record is being written.
    Record,
}

/// A response that was applied to the record.
#[derive(Debug)]
struct AppliedResponse {
    record: RevocationsRecord,
    /// The list, if it could be parsed.
    list: Option<Revocations>,
    /// The entity tag of the list.
    etag: Option<String>,
    /// The version of the record that it replaces.
    version: u32,
    /// The random id for a new list.
    random: u64,
}

impl RevocationsReader {
    /// A reader of this companion's list. The name in shared data depends only on the companion's
    /// URL and cluster, so a policy change starts with the known list.
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
            etag: None,
            call: None,
            last_call: 0,
            step: FetchStep::Idle,
            effects: VecDeque::new(),
        }
    }

    pub(super) fn name(&self, cell: CellId) -> &str {
        match cell {
            CellId::Record => &self.name,
            CellId::List => &self.list_name,
        }
    }

    /// Reads the shared record if it has changed, and returns its version; `None` if there is no
    /// valid record.
    pub(super) fn read_record(&mut self, shared: Option<CellContent<'_>>) -> Option<u32> {
        match self.cell.read(shared, RevocationsRecord::from_text) {
            Ok(seen) => {
                let ParsedCell { version, changed } = seen?;
                if let Some(record) = changed {
                    self.record = record;
                    self.publish();
                    if self.record.list() != self.list_id {
                        self.list_id = self.record.list();
                        self.effects.push_back(ReaderEffect::Read(CellId::List));
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

    /// Merges the shared list into this worker's list.
    pub(super) fn read_list(&mut self, shared: Option<CellContent<'_>>, now: TimeAndRandom) {
        match shared.map(|shared| Revocations::parse(shared.text)) {
            Some(Ok(list)) => {
                self.merge(&list, now.time);
            }
            Some(Err(error)) => self.log(Level::Error, format!("portcullis: {error}")),
            None => {}
        }
        match std::mem::replace(&mut self.step, FetchStep::Idle) {
            FetchStep::TakeOver(applied) => self.share(applied, now),
            step => self.step = step,
        }
    }

    /// Writes this worker's record if there is none, or over an invalid one.
    pub(super) fn seed(&mut self) {
        let record = self.record.clone().without_lease();
        self.step = FetchStep::Idle;
        self.write_record(&record, self.cell.unreadable());
    }

    /// Takes the lease, if a fetch is due and no other worker was faster.
    pub(super) fn tick(&mut self, shared: Option<CellContent<'_>>, now: TimeAndRandom) {
        let Some(version) = self.read_record(shared) else {
            return self.seed();
        };
        if self.record.is_due(now.time) {
            let mut record = self.record.clone();
            record.begin(self.worker, now.time);
            self.step = FetchStep::Lease;
            self.write_record(&record, Some(version));
        }
    }

    /// Applies the response to the record, if this worker still holds the lease.
    pub(super) fn handle_response(
        &mut self,
        call: CallId,
        response: Option<&CallResponse<'_>>,
        shared: Option<CellContent<'_>>,
        now: TimeAndRandom,
    ) {
        if self.call.take_if(|id| *id == call).is_none() {
            return;
        }
        let list_id = self.list_id;
        let version = self.read_record(shared);
        let Some(version) = version.filter(|_| self.record.is_leased_to(self.worker)) else {
            return;
        };
        let mut record = self.record.clone();
        let is_unchanged = response.is_some_and(CallResponse::is_not_modified);
        let (list, etag) = if self.etag.is_some() && is_unchanged {
            record.confirm(now.time, now.random);
            // Its entries have been merged.
            (Ok(Revocations::default()), self.etag.clone())
        } else {
            let etag = response.and_then(CallResponse::etag);
            let response = response.map(CallResponse::as_http_response);
            let list = record.apply_response(response.as_ref(), now.time, now.random);
            (list, etag)
        };
        let list = list.inspect_err(|error| {
            let line = format!(
                "portcullis: the revocations could not be fetched through cluster {}: {error}; the \
                 cached list stays in use",
                self.sso.envoy_cluster()
            );
            self.log(Level::Warn, line);
        });
        let applied = AppliedResponse {
            record,
            list: list.ok(),
            etag,
            version,
            random: now.random,
        };
        if self.list_id == list_id {
            self.share(applied, now);
        } else {
            // `read_record` has requested the list.
            self.step = FetchStep::TakeOver(applied);
        }
    }

    /// Writes this worker's merged list, if the fetched list has new entries.
    fn share(&mut self, applied: AppliedResponse, now: TimeAndRandom) {
        let is_new = match &applied.list {
            Some(list) => {
                // Not before: an unchanged list is one that has been merged.
                self.etag.clone_from(&applied.etag);
                self.merge(list, now.time)
            }
            None => false,
        };
        if is_new {
            self.effects.push_back(ReaderEffect::Write {
                cell: CellId::List,
                text: self.list.to_json(),
                over: None,
            });
            self.step = FetchStep::List(applied);
        } else {
            self.step = FetchStep::Record;
            self.write_record(&applied.record, Some(applied.version));
        }
    }

    /// Continues after a write. `false` means that another worker was faster, or that the host
    /// refused.
    pub(super) fn written(&mut self, is_done: bool) {
        match std::mem::replace(&mut self.step, FetchStep::Idle) {
            FetchStep::Lease if is_done => {
                self.last_call = self.last_call.wrapping_add(1);
                let id = CallId(self.last_call);
                self.call = Some(id);
                let call = Call::revocations(id, &self.sso, self.etag.clone());
                self.effects.push_back(ReaderEffect::Call(call));
            }
            FetchStep::List(mut applied) => {
                if is_done {
                    applied.record.share(applied.random);
                    self.list_id = applied.record.list();
                }
                self.step = FetchStep::Record;
                self.write_record(&applied.record, Some(applied.version));
            }
            FetchStep::Record => self.effects.push_back(ReaderEffect::Read(CellId::Record)),
            step @ FetchStep::TakeOver(_) => self.step = step,
            FetchStep::Idle | FetchStep::Lease => {}
        }
    }

    /// Merges a list into this worker's list, and returns whether it had new entries.
    fn merge(&mut self, list: &Revocations, now: Timestamp) -> bool {
        let mut merged = (*self.list).clone();
        merged.prune(now);
        let before = merged.clone();
        merged.merge(list, now);
        let is_new = merged != before;
        self.list = Arc::new(merged);
        self.publish();
        is_new
    }

    fn publish(&mut self) {
        let (list, record) = (Arc::clone(&self.list), self.record.clone());
        self.effects
            .push_back(ReaderEffect::Update(Update::Revocations(list, record)));
    }

    fn write_record(&mut self, record: &RevocationsRecord, over: Option<u32>) {
        self.effects.push_back(ReaderEffect::Write {
            cell: CellId::Record,
            text: record.to_text(),
            over,
        });
    }

    fn log(&mut self, level: Level, line: String) {
        self.effects.push_back(ReaderEffect::Log(level, line));
    }
}
