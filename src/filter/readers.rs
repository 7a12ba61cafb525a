//! Reads the keys and the revocations whose turn it is, and shares what it read with the other
//! workers.
//!
//! What the workers know together of a trust entry's keys is one record in shared data. The worker
//! that writes its turn into the record first reads; the others look at the record on every tick.
//! The same holds for the companion's revocations.

mod ask;
mod reader;
mod slot;
mod watcher;

use portcullis_core::policy::Policy;
use portcullis_core::timestamp::Timestamp;

use self::reader::Reader;
use self::watcher::Watcher;
use crate::host;
use crate::worker::{Worker, now};

/// How many ticks go by between two looks at how old keys are.
const TICKS_PER_LOOK: u32 = 10;

/// One worker's part in reading keys and revocations.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// What tells this worker's turns from the others'.
    id: u64,
    /// One for each source whose keys are fetched.
    readers: Vec<Reader>,
    /// Where people sign in, one for what has ended.
    watcher: Option<Watcher>,
    ticks: u32,
    /// How many keys stood in more than one set when this worker looked last.
    shared: usize,
}

impl Readers {
    /// Readers for all that a policy has fetched.
    pub(crate) fn new(policy: &Policy, now: Timestamp) -> Self {
        let sources = policy.key_sources();
        Self {
            id: host::random(),
            readers: sources.filter_map(Reader::new).collect(),
            watcher: policy.sso().map(|sso| Watcher::new(sso, now)),
            ticks: 0,
            shared: 0,
        }
    }

    /// Writes a first record wherever there is none. Envoy tries a configuration on its main thread
    /// before any worker has it, so there is one writer, and no worker's turn is overwritten.
    pub(crate) fn seed(&mut self, worker: &mut Worker) {
        for reader in &mut self.readers {
            if reader.look(worker).is_none() {
                reader.seed(worker);
            }
        }
        if let Some(watcher) = &mut self.watcher
            && watcher.look(worker).is_none()
        {
            watcher.seed();
        }
    }

    /// Looks at what others have read, and begins to read what is due.
    pub(crate) fn tick(&mut self, worker: &mut Worker) {
        for reader in &mut self.readers {
            reader.tick(worker, self.id);
        }
        if let Some(watcher) = &mut self.watcher {
            watcher.tick(worker, self.id);
        }
        if self.ticks.checked_rem(TICKS_PER_LOOK) == Some(0) {
            self.show(worker, now());
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    /// Takes the reply to the call with this token.
    pub(crate) fn receive(&mut self, worker: &mut Worker, token: u32, headers: usize, body: usize) {
        let mut readers = self.readers.iter_mut();
        if let Some(reader) = readers.find(|reader| reader.asks_by(token)) {
            reader.receive(worker, self.id, headers, body);
        } else if let Some(watcher) = &mut self.watcher
            && watcher.asks_by(token)
        {
            watcher.receive(worker, self.id, headers, body);
        }
    }

    /// Shows how old keys and revocations are, and which keys stand in more than one set.
    fn show(&mut self, worker: &Worker, now: Timestamp) {
        if let Some(watcher) = &self.watcher {
            watcher.show(worker, now);
        }
        let keyring = worker.keyring();
        for (source, _) in worker.policy().key_sources() {
            if let Some(age) = keyring
                .trust_keys(source)
                .and_then(|trust_keys| trust_keys.age(now))
            {
                worker.metrics().key_age(source, age.as_secs());
            }
        }
        let shared = keyring.shared();
        worker.metrics().shared_keys(shared.len());
        if shared.len() > self.shared {
            for key in &shared {
                log::warn!("portcullis: {key}");
            }
        }
        self.shared = shared.len();
    }
}
