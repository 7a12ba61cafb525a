//! Reads the companion's revocations, when this worker has the turn.

use portcullis_core::keys::HttpResponse;
use portcullis_core::policy::Sso;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;

use super::ask::ask_for_revocations;
use super::slot::{Seen, Slot};
use crate::host;
use crate::reply::Reply;
use crate::worker::{Worker, now};

/// What stands before the names in shared data: product and format version.
const PREFIX: &str = "portcullis/1/revocations/";

/// What stands behind the name of the list itself.
const LIST: &str = "/list";

/// One worker's part in reading the companion's revocations.
#[derive(Debug)]
pub(super) struct Watcher {
    sso: Sso,
    slot: Slot,
    /// The list's name in shared data.
    list_name: String,
    /// What the workers know together, as this one has seen it.
    watch: RevocationsRecord,
    /// The shared list that this worker has taken over last.
    list: Option<u64>,
    /// The token of the call by which it asks.
    asking: Option<u32>,
    /// Since when this worker would have read, if it could.
    since: Timestamp,
}

impl Watcher {
    /// A watcher of this companion's list. Its name in shared data follows from the companion's URL
    /// and cluster alone, so that a policy edit starts with the list there is.
    pub(super) fn new(sso: &Sso, now: Timestamp) -> Self {
        let name = [PREFIX, &sso.keys().keys_id()].concat();
        Self {
            sso: sso.clone(),
            list_name: [&name, LIST].concat(),
            slot: Slot::new(name, "revocations".to_owned()),
            watch: RevocationsRecord::default(),
            list: None,
            asking: None,
            since: now,
        }
    }

    /// Takes over what other workers have read, if it is news to this one. `None` where nothing that
    /// can be read is shared, else its version.
    pub(super) fn look(&mut self, worker: &mut Worker) -> Option<u32> {
        let Seen { version, news } = self.slot.look(RevocationsRecord::from_text)?;
        if let Some(watch) = news {
            self.watch = watch;
            self.look_at_list(worker);
        }
        Some(version)
    }

    /// Takes over the shared list, if it is another than before. What this worker knows besides
    /// stays: lists are united, and nothing is dropped before its end.
    fn look_at_list(&mut self, worker: &mut Worker) {
        let list = self.watch.list();
        if list == self.list {
            return;
        }
        self.list = list;
        let Ok(Some(shared)) = host::shared_data(&self.list_name) else {
            return;
        };
        match Revocations::parse(&shared.value) {
            Ok(list) => {
                worker.revoke(&list);
            }
            Err(error) => log::error!("portcullis: {error}"),
        }
    }

    /// Writes that nothing was read yet, where there is nothing or something else.
    pub(super) fn seed(&self) {
        self.slot
            .seed(&self.watch.clone().without_lease().to_text());
    }

    /// Takes this worker's turn to read, if one is due and no other worker was faster.
    pub(super) fn tick(&mut self, worker: &mut Worker, id: u64) {
        let version = self.look(worker);
        // Read after the slot, as for keys.
        let now = now();
        let Some(version) = version else {
            return self.seed();
        };
        if self.watch.is_due(now) {
            let mut watch = self.watch.clone();
            watch.begin(id, now);
            if self.slot.write(&watch.to_text(), Some(version)) {
                self.ask(worker, id);
            }
        }
    }

    /// Whether the call with this token is this watcher's.
    pub(super) fn asks_by(&self, token: u32) -> bool {
        self.asking == Some(token)
    }

    /// Takes the reply to its call.
    pub(super) fn receive(&mut self, worker: &mut Worker, id: u64, headers: usize, body: usize) {
        self.asking = None;
        let reply = Reply::take(headers, body, Revocations::MAX_BYTES);
        self.take(worker, id, reply.as_ref().map(Reply::answer).as_ref());
    }

    /// Asks the companion. A call that can't be made is an answer too: none.
    fn ask(&mut self, worker: &mut Worker, id: u64) {
        match ask_for_revocations(&self.sso) {
            Ok(token) => self.asking = Some(token),
            Err(_) => self.take(worker, id, None),
        }
    }

    /// Takes what a read brought and shares it, if this worker still has its turn.
    fn take(&mut self, worker: &mut Worker, id: u64, answer: Option<&HttpResponse<'_>>) {
        let version = self.look(worker);
        let Some(version) = version.filter(|_| self.watch.is_led_by(id)) else {
            return;
        };
        let mut watch = self.watch.clone();
        match watch.take(answer, now(), host::random()) {
            Ok(list) => {
                if worker.revoke(&list) {
                    self.share(worker, &mut watch);
                }
            }
            Err(error) => log::warn!(
                "portcullis: the revocations could not be read through cluster {}: {error}; what is \
                 known stays",
                self.sso.envoy_cluster()
            ),
        }
        self.slot.write(&watch.to_text(), Some(version));
        self.look(worker);
    }

    /// Shares all that this worker knows, what other workers had shared before among it.
    fn share(&mut self, worker: &Worker, watch: &mut RevocationsRecord) {
        let text = worker.revocations().to_json();
        match host::set_shared_data(&self.list_name, text.as_bytes(), None) {
            Ok(()) => {
                watch.share(host::random());
                self.list = watch.list();
            }
            Err(error) => {
                log::error!("portcullis: revocations can't be shared between workers: {error}");
            }
        }
    }

    /// Shows how long ago the list was read and how long it is.
    pub(super) fn show(&self, worker: &Worker, now: Timestamp) {
        let age = self.watch.age(now).unwrap_or_else(|| now.since(self.since));
        worker
            .metrics()
            .revocations(age.as_secs(), worker.revocations().len());
    }
}
