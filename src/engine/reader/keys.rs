//! Fetches one trust entry's keys while this worker holds the lease.

use std::collections::VecDeque;
use std::sync::Arc;

use log::Level;
use portcullis_core::keys::{HttpResponse, KeyRecord, KeyRequest, KeyWarning, ResponseError};
use portcullis_core::trust::{KeySourceId, Remote, Trust};

use super::shared_cell::{ParsedCell, SharedCell};
use super::{CellContent, CellId, FetchTriggers, ReaderEffect, TimeAndRandom};
use crate::call::{Call, CallId};
use crate::call_response::CallResponse;
use crate::update::Update;

/// The prefix of record names: the product and the format version.
const PREFIX: &str = "portcullis/1/keys/";

/// The longest response of a mirror that is kept. Those of usual issuers have a few kilobytes.
const MAX_KEPT: usize = 64 * 1024;

/// The last valid response of a mirror, to which 304 (Not Modified) refers.
#[derive(Debug)]
struct Mirrored {
    etag: String,
    content_type: Vec<u8>,
    body: Vec<u8>,
}

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
    call: Option<(CallId, KeyRequest)>,
    last_call: u64,
    mirrored: Option<Mirrored>,
    /// What to do when the record is written.
    writing: Option<Writing>,
    pub(super) effects: VecDeque<ReaderEffect>,
}

/// What to do when a record is written.
#[derive(Debug)]
enum Writing {
    /// The lease was taken: start this fetch.
    Lease(KeyRequest),
    /// A response was applied to the record.
    Response {
        record: Box<KeyRecord>,
        taken: Result<Option<KeyRequest>, ResponseError>,
    },
}

impl KeyReader {
    /// A reader for this source; `None` if it has only inline keys.
    pub(super) fn new(
        source: KeySourceId,
        trust: &Trust,
        worker: u64,
        now: TimeAndRandom,
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
            mirrored: None,
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
    pub(super) fn read_record(&mut self, shared: Option<CellContent<'_>>) -> Option<u32> {
        match self.cell.read(shared, KeyRecord::from_text) {
            Ok(seen) => {
                let ParsedCell { version, changed } = seen?;
                if let Some(record) = changed {
                    self.record = Arc::new(record);
                    let record = Arc::clone(&self.record);
                    self.effects
                        .push_back(ReaderEffect::Update(Update::Keys(self.source, record)));
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

    /// Takes the lease, if a fetch is due or triggered and no other worker was faster.
    pub(super) fn tick(
        &mut self,
        shared: Option<CellContent<'_>>,
        triggers: FetchTriggers,
        now: TimeAndRandom,
    ) {
        let Some(version) = self.read_record(shared) else {
            return self.seed();
        };
        let is_due = self
            .record
            .is_due(&self.remote, now.time, triggers.by_request);
        let confirms = !is_due && triggers.by_new_key && self.record.is_confirmation_due(now.time);
        if is_due || confirms {
            let mut record = (*self.record).clone();
            if confirms {
                record.begin_confirmation(now.time);
            }
            let request = record.begin(&self.trust, &self.remote, self.worker, now.time);
            self.writing = Some(Writing::Lease(request));
            self.write(&record, Some(version));
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
        let Some((_, request)) = self.call.take_if(|(id, _)| *id == call) else {
            return;
        };
        let version = self.read_record(shared);
        let Some(version) = version.filter(|_| self.record.is_leased_to(self.worker)) else {
            return;
        };
        let mut record = (*self.record).clone();
        let received = response;
        let response = response.map(|response| self.unless_modified(response));
        let taken = record.apply_response(
            &self.trust,
            &self.remote,
            &request,
            response.as_ref(),
            now.time,
            now.random,
        );
        if taken.is_err() {
            self.mirrored = None;
        } else if let (KeyRequest::Mirror(_), Some(received)) = (&request, received) {
            self.keep(received);
        }
        self.write(&record, Some(version));
        self.writing = Some(Writing::Response {
            record: Box::new(record),
            taken,
        });
    }

    /// Continues after a write. `false` means that another worker was faster, or that the host
    /// refused.
    pub(super) fn written(&mut self, is_done: bool) {
        match self.writing.take().filter(|_| is_done) {
            None => {}
            Some(Writing::Lease(request)) => self.call(request),
            Some(Writing::Response { record, taken }) => {
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
                            from: &format_args!("cluster {}", self.remote.envoy_cluster),
                            error: &error,
                            is_cached: record.set().is_some(),
                        };
                        let line = format!("portcullis: {warning}");
                        self.effects.push_back(ReaderEffect::Log(Level::Warn, line));
                    }
                }
                // Read the record back at once, so that waiting requests on this worker need not
                // wait for the next tick.
                self.effects.push_back(ReaderEffect::Read(CellId::Record));
            }
        }
    }

    /// The response, or the last one if it has not been modified since. It is read again: its age counts
    /// from its fetch.
    fn unless_modified<'a>(&'a self, response: &CallResponse<'a>) -> HttpResponse<'a> {
        match &self.mirrored {
            Some(mirrored) if response.is_not_modified() => HttpResponse {
                status: 200,
                content_type: Some(&mirrored.content_type),
                content_encoding: None,
                body: &mirrored.body,
            },
            Some(_) | None => response.as_http_response(),
        }
    }

    /// Keeps a valid response of a mirror, if it has an entity tag.
    fn keep(&mut self, response: &CallResponse<'_>) {
        if response.is_not_modified() {
            return;
        }
        let etag = response.etag().filter(|_| response.body.len() <= MAX_KEPT);
        self.mirrored = etag.map(|etag| Mirrored {
            etag,
            content_type: response
                .all("content-type")
                .next()
                .unwrap_or_default()
                .to_vec(),
            body: response.body.to_vec(),
        });
    }

    fn call(&mut self, request: KeyRequest) {
        self.last_call = self.last_call.wrapping_add(1);
        let id = CallId(self.last_call);
        let etag = match &request {
            KeyRequest::Mirror(_) => self.mirrored.as_ref(),
            KeyRequest::Discovery(_) | KeyRequest::KeySet(_) => None,
        };
        let etag = etag.map(|mirrored| mirrored.etag.clone());
        let call = Call::fetch_keys(id, &self.remote, &request, etag);
        self.call = Some((id, request));
        self.effects.push_back(ReaderEffect::Call(call));
    }

    fn write(&mut self, record: &KeyRecord, over: Option<u32>) {
        self.effects.push_back(ReaderEffect::Write {
            cell: CellId::Record,
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
