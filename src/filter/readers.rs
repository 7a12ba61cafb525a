//! Reads the keys whose turn it is, and shares what it read with the other workers.
//!
//! What the workers know together of a trust entry's keys is one record in shared data. The worker
//! that writes its turn into the record first reads; the others look at the record on every tick.

mod ask;

use portcullis_core::keys::{HttpAnswer, KeySet, Read, Record};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{Remote, Trust};

use self::ask::ask;
use crate::host::{self, Shared};
use crate::worker::{Worker, now};

/// What stands before the names of all records: product and format version.
const PREFIX: &str = "portcullis/1/keys/";

/// How many ticks go by between two looks at how old keys are.
const TICKS_PER_LOOK: u32 = 10;

/// One worker's part in reading keys.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// What tells this worker's turns from the others'.
    id: u64,
    /// One for each trust entry, in policy order.
    readers: Vec<Reader>,
    ticks: u32,
}

/// One worker's part in reading one trust entry's keys.
#[derive(Debug)]
struct Reader {
    /// The record's name in shared data.
    name: String,
    /// The version of the record that this worker has read last.
    version: Option<u32>,
    /// What it is asking the issuer for, and the token of the call.
    asking: Option<(u32, Read)>,
}

/// The trust entry at some place of the policy, which fetches its keys.
struct Fetched {
    place: usize,
    trust: Trust,
    remote: Remote,
}

impl Readers {
    /// Readers for these trust entries.
    pub(crate) fn new(trusts: &[Trust]) -> Self {
        let reader = |trust: &Trust| Reader {
            name: format!("{PREFIX}{}", trust.keys_id()),
            version: None,
            asking: None,
        };
        Self {
            id: host::random(),
            readers: trusts.iter().map(reader).collect(),
            ticks: 0,
        }
    }

    /// Writes a first record wherever there is none. Envoy tries a configuration on its main thread
    /// before any worker has it, so there is one writer, and no worker's turn is overwritten.
    pub(crate) fn seed(&mut self, worker: &mut Worker, now: Timestamp) {
        for fetched in fetched(worker) {
            if self.load(worker, &fetched).is_none() {
                let record = Record::new(&fetched.trust.keys, now);
                if let Some(reader) = self.readers.get(fetched.place) {
                    write(&reader.name, &record, None);
                }
            }
        }
    }

    /// Looks at what others have read, and begins to read what is due.
    pub(crate) fn tick(&mut self, worker: &mut Worker) {
        for fetched in fetched(worker) {
            let loaded = self.load(worker, &fetched);
            // Read after the record: to a clock read before, a turn that another worker has begun
            // since would lie in the future, and count as written by a clock that has stepped back.
            let now = now();
            let Some((record, version)) = loaded else {
                self.reseed(&fetched, now);
                continue;
            };
            let asked = worker.asks_for(fetched.place);
            if record.is_due(&fetched.remote, now, asked) {
                self.begin(worker, &fetched, record, version, now);
            }
        }
        if self.ticks.checked_rem(TICKS_PER_LOOK) == Some(0) {
            look(worker, now());
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    /// Takes the reply to the call with this token.
    pub(crate) fn receive(&mut self, worker: &mut Worker, token: u32, headers: usize, body: usize) {
        let place = self.readers.iter().position(|reader| {
            reader
                .asking
                .as_ref()
                .is_some_and(|(asking, _)| *asking == token)
        });
        let Some(fetched) = place.and_then(|place| fetched_at(worker, place)) else {
            return;
        };
        let asking = self
            .readers
            .get_mut(fetched.place)
            .and_then(|reader| reader.asking.take());
        let Some((_, read)) = asking else { return };
        let reply = ask::Reply::take(headers, body, KeySet::MAX_BYTES);
        self.take(
            worker,
            &fetched,
            &read,
            reply.as_ref().map(ask::Reply::answer).as_ref(),
        );
    }

    /// Takes this worker's turn to read, unless another worker was faster.
    fn begin(
        &mut self,
        worker: &mut Worker,
        fetched: &Fetched,
        mut record: Record,
        version: u32,
        now: Timestamp,
    ) {
        let Some(reader) = self.readers.get(fetched.place) else {
            return;
        };
        let read = record.begin(&fetched.trust, &fetched.remote, self.id, now);
        if write(&reader.name, &record, Some(version)) {
            self.ask(worker, fetched, read);
        }
    }

    /// Asks the issuer. A call that can't be made is an answer too: none.
    fn ask(&mut self, worker: &mut Worker, fetched: &Fetched, read: Read) {
        match ask(&fetched.remote, &read) {
            Ok(token) => {
                if let Some(reader) = self.readers.get_mut(fetched.place) {
                    reader.asking = Some((token, read));
                }
            }
            Err(error) => {
                log::warn!(
                    "portcullis: trust {}: no call can be made through cluster {} ({error}); is the \
                     cluster configured in this proxy?",
                    fetched.trust.name,
                    fetched.remote.envoy_cluster
                );
                self.take(worker, fetched, &read, None);
            }
        }
    }

    /// Takes what a read brought into the record, if this worker still has its turn.
    fn take(
        &mut self,
        worker: &mut Worker,
        fetched: &Fetched,
        read: &Read,
        answer: Option<&HttpAnswer<'_>>,
    ) {
        let Fetched {
            place,
            trust,
            remote,
        } = fetched;
        let Some((mut record, version)) = self.load(worker, fetched) else {
            return;
        };
        if !record.is_led_by(self.id) {
            return;
        }
        let taken = record.take(trust, remote, read, answer, now(), host::random());
        let Some(reader) = self.readers.get(*place) else {
            return;
        };
        if !write(&reader.name, &record, Some(version)) {
            return;
        }
        match taken {
            Ok(Some(next)) => self.ask(worker, fetched, next),
            Ok(None) => worker.metrics().key_read(*place, true),
            Err(error) => {
                worker.metrics().key_read(*place, false);
                log::warn!(
                    "portcullis: trust {}: the keys could not be read: {error}; what is known stays",
                    trust.name
                );
            }
        }
        // What was just written is read back at once, so that requests that wait here need not wait
        // for the next tick.
        let _written = self.load(worker, fetched);
    }

    /// The record of a trust entry as the workers know it, handed on to this one's keyring if it is
    /// news.
    fn load(&mut self, worker: &mut Worker, fetched: &Fetched) -> Option<(Record, u32)> {
        let reader = self.readers.get_mut(fetched.place)?;
        let Shared { value, cas } = host::shared_data(&reader.name).ok()??;
        if reader.version == Some(cas) {
            return Some((
                worker.keyring().holding(fetched.place)?.record().clone(),
                cas,
            ));
        }
        let record = match Record::from_text(&value) {
            Ok(record) => record,
            Err(error) => {
                log::error!("portcullis: trust {}: {error}", fetched.trust.name);
                return None;
            }
        };
        reader.version = Some(cas);
        worker.update(fetched.place, record.clone());
        Some((record, cas))
    }

    /// Starts anew where the record is gone or was overwritten with something else.
    fn reseed(&mut self, fetched: &Fetched, now: Timestamp) {
        if let Some(reader) = self.readers.get(fetched.place) {
            write(&reader.name, &Record::new(&fetched.trust.keys, now), None);
        }
    }
}

/// Writes a record, over the version that it was made from. `false` means that another worker was
/// faster, or that the host refused.
fn write(name: &str, record: &Record, version: Option<u32>) -> bool {
    match host::set_shared_data(name, record.to_text().as_bytes(), version) {
        Ok(()) => true,
        Err(host::Error::CasMismatch) => false,
        Err(error) => {
            log::error!("portcullis: keys can't be shared between workers: {error}");
            false
        }
    }
}

/// Shows how old keys are, and which stand in more than one set.
fn look(worker: &Worker, now: Timestamp) {
    for fetched in fetched(worker) {
        let age = worker
            .keyring()
            .holding(fetched.place)
            .and_then(|holding| holding.age(now));
        if let Some(age) = age {
            worker.metrics().key_age(fetched.place, age.as_secs());
        }
    }
    worker
        .metrics()
        .shared_keys(worker.keyring().shared().len());
}

fn fetched(worker: &Worker) -> Vec<Fetched> {
    let places = 0..worker.policy().trusts().len();
    places
        .filter_map(|place| fetched_at(worker, place))
        .collect()
}

fn fetched_at(worker: &Worker, place: usize) -> Option<Fetched> {
    let trust = worker.policy().trusts().get(place)?;
    let remote = trust.keys.remote.clone()?;
    Some(Fetched {
        place,
        trust: trust.clone(),
        remote,
    })
}
