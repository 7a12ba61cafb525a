//! Reads one trust entry's keys, when this worker has the turn.

use portcullis_core::keys::{HttpResponse, KeyRecord, KeySet, KeyWarning, Read};
use portcullis_core::trust::{KeySourceId, Remote, Trust};

use super::ask::ask;
use super::slot::{Seen, Slot};
use crate::host;
use crate::reply::Reply;
use crate::worker::{Worker, now};

/// What stands before the names of all records: product and format version.
const PREFIX: &str = "portcullis/1/keys/";

/// One worker's part in reading one trust entry's keys.
#[derive(Debug)]
pub(super) struct Reader {
    /// Which source it is, its trust entry, and how its keys are fetched.
    source: KeySourceId,
    trust: Trust,
    remote: Remote,
    /// The record, as workers share it.
    slot: Slot,
    /// What it is asking the issuer for, and the token of the call.
    asking: Option<(u32, Read)>,
}

impl Reader {
    /// A reader for a source of keys; `None` where no keys are fetched.
    pub(super) fn new((source, trust): (KeySourceId, &Trust)) -> Option<Self> {
        Some(Self {
            source,
            trust: trust.clone(),
            remote: trust.keys.remote.clone()?,
            slot: Slot::new(
                [PREFIX, &trust.keys_id()].concat(),
                ["trust ", &trust.name].concat(),
            ),
            asking: None,
        })
    }

    /// Takes over the record as the workers know it, if it is news to this one. `None` where there
    /// is no record that can be read, else its version.
    pub(super) fn look(&mut self, worker: &mut Worker) -> Option<u32> {
        let Seen { version, news } = self.slot.look(KeyRecord::from_text)?;
        if let Some(record) = news {
            worker.update(self.source, record);
        }
        Some(version)
    }

    /// Writes what this worker knows where there is no record, or in the place of something else
    /// that was written over it: what was good stays good.
    pub(super) fn seed(&self, worker: &Worker) {
        if let Some(record) = worker.record(self.source) {
            self.slot.seed(&record.clone().without_lease().to_text());
        }
    }

    /// Takes this worker's turn to read, if one is due and no other worker was faster.
    pub(super) fn tick(&mut self, worker: &mut Worker, id: u64) {
        let version = self.look(worker);
        // Read after the record: to a clock read before, a turn that another worker has begun since
        // would lie in the future, and count as written by a clock that has stepped back.
        let now = now();
        let Some(version) = version else {
            return self.seed(worker);
        };
        let asked = worker.asks_for(self.source);
        let Some(record) = worker.record(self.source) else {
            return;
        };
        if record.is_due(&self.remote, now, asked) {
            let mut record = record.clone();
            let read = record.begin(&self.trust, &self.remote, id, now);
            if self.slot.write(&record.to_text(), Some(version)) {
                self.ask(worker, id, read);
            }
        }
    }

    /// Whether the call with this token is this reader's.
    pub(super) fn asks_by(&self, token: u32) -> bool {
        self.asking
            .as_ref()
            .is_some_and(|(asking, _)| *asking == token)
    }

    /// Takes the reply to its call.
    pub(super) fn receive(&mut self, worker: &mut Worker, id: u64, headers: usize, body: usize) {
        if let Some((_, read)) = self.asking.take() {
            let reply = Reply::take(headers, body, KeySet::MAX_BYTES);
            self.take(
                worker,
                id,
                &read,
                reply.as_ref().map(Reply::answer).as_ref(),
            );
        }
    }

    /// Asks the issuer. A call that can't be made is an answer too: none.
    fn ask(&mut self, worker: &mut Worker, id: u64, read: Read) {
        match ask(&self.remote, &read) {
            Ok(token) => self.asking = Some((token, read)),
            Err(error) => {
                log::warn!(
                    "portcullis: trust {}: no call can be made through cluster {} ({error}); is the \
                     cluster configured in this proxy?",
                    self.trust.name,
                    self.remote.envoy_cluster
                );
                self.take(worker, id, &read, None);
            }
        }
    }

    /// Takes what a read brought into the record, if this worker still has its turn.
    fn take(
        &mut self,
        worker: &mut Worker,
        id: u64,
        read: &Read,
        answer: Option<&HttpResponse<'_>>,
    ) {
        let version = self.look(worker);
        let led = worker
            .record(self.source)
            .filter(|record| record.is_led_by(id))
            .cloned();
        let (Some(version), Some(mut record)) = (version, led) else {
            return;
        };
        let chance = host::random();
        let taken = record.take(&self.trust, &self.remote, read, answer, now(), chance);
        if !self.slot.write(&record.to_text(), Some(version)) {
            return;
        }
        match taken {
            Ok(Some(next)) => self.ask(worker, id, next),
            Ok(None) => {
                worker.metrics().key_read(self.source, true);
                self.tell_of_skipped(worker, &record);
            }
            Err(error) => {
                worker.metrics().key_read(self.source, false);
                let warning = KeyWarning::ReadFailed {
                    trust: &self.trust.name,
                    from: None,
                    error: &error,
                };
                log::warn!("portcullis: {warning}");
            }
        }
        // What was just written is read back at once, so that requests that wait here need not wait
        // for the next tick.
        self.look(worker);
    }

    /// Says what a set lists besides usable keys, when the set is news.
    fn tell_of_skipped(&self, worker: &Worker, record: &KeyRecord) {
        let before = worker.record(self.source).and_then(KeyRecord::set);
        for warning in KeyWarning::of_skipped(&self.trust.name, record.set(), before) {
            log::warn!("portcullis: {warning}");
        }
    }
}
