//! Reads one trust entry's keys.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::keys::{HttpResponse, KeyRecord, KeySet, KeyWarning, Read, ReadError};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, Remote, Trust, Url};
use rand_core::{OsRng, RngCore as _};
use tokio::time::{MissedTickBehavior, interval};

use super::ask::{AskError, Asker, Reply, chain};
use super::desk::Desk;
use super::reach::{self, Reach};
use super::snapshot::Origin;

/// Between two looks at whether a read is due. A look costs nothing, and the time of day, which says
/// when one is due, may be set while we wait.
const TICK: Duration = Duration::from_millis(500);

/// Whose turn it is, where a record is shared by several. Here each has one reader.
const ONLY: u64 = 0;

/// Reads one trust entry's keys.
pub(super) struct Reader {
    desk: Arc<Desk>,
    source: KeySourceId,
    trust: Trust,
    remote: Remote,
    asker: Asker,
}

impl Reader {
    /// A reader for the entry at this place; `None` where nothing is fetched.
    pub(super) fn new(desk: Arc<Desk>, source: KeySourceId, reach: Reach) -> Option<Self> {
        let trust = desk.sources().get(source)?.clone();
        let remote = reach::remote(&trust)?;
        if let Some(objection) = reach.objection(&trust) {
            tracing::warn!(
                "trust {}: the keys can't be read as the configuration says: {objection}",
                trust.name
            );
        }
        let asker = Asker::new(reach, reach::first(&remote.endpoint)?);
        Some(Self {
            desk,
            source,
            trust,
            remote,
            asker,
        })
    }

    /// Reads whenever a read is due, until it is aborted.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.desk.asked(self.source) => {}
            }
            let (snapshot, now) = (self.desk.snapshot(), self.desk.now());
            let Some(record) = snapshot.record(self.source) else {
                return;
            };
            if record.is_due(&self.remote, now, self.desk.is_asked(self.source)) {
                let origin = snapshot.origin(self.source).cloned();
                self.read(record.clone(), origin, now).await;
            }
        }
    }

    /// One turn: discovery where that is due, and the key set.
    async fn read(&mut self, mut record: KeyRecord, origin: Option<Origin>, began: Timestamp) {
        let mut read = record.begin(&self.trust, &self.remote, ONLY, began);
        self.desk
            .publish(self.source, record.clone(), origin.clone());
        loop {
            let Some(url) = url(&read).cloned() else {
                return;
            };
            let reply = self.asker.ask(&url).await;
            let answer = reply.as_ref().ok().map(Reply::answer);
            let before = record.set().cloned();
            match self.take(&mut record, &read, answer.as_ref()) {
                Ok(Some(next)) => {
                    self.desk
                        .publish(self.source, record.clone(), origin.clone());
                    read = next;
                }
                Ok(None) => {
                    self.tell_of_skipped(&record, before.as_ref());
                    let origin = Origin {
                        source: url,
                        fetched_at: began,
                    };
                    self.desk.publish(self.source, record, Some(origin));
                    return self.desk.count(self.source, true);
                }
                Err(error) => {
                    self.tell_of_failure(&url, &error, reply.as_ref().err());
                    self.desk.publish(self.source, record, origin);
                    return self.desk.count(self.source, false);
                }
            }
        }
    }

    fn take(
        &self,
        record: &mut KeyRecord,
        read: &Read,
        answer: Option<&HttpResponse<'_>>,
    ) -> Result<Option<Read>, ReadError> {
        let (now, chance) = (self.desk.now(), OsRng.next_u64());
        record.take(&self.trust, &self.remote, read, answer, now, chance)
    }

    /// Says why a read brought nothing. Core knows of the lack of an answer only that.
    fn tell_of_failure(&self, url: &Url, error: &ReadError, none: Option<&AskError>) {
        let why = none.map_or_else(|| error.to_string(), |none| chain(none));
        let warning = KeyWarning::ReadFailed {
            trust: &self.trust.name,
            from: Some(url),
            error: &why,
        };
        tracing::warn!("{warning}");
    }

    /// Says what a set lists besides usable keys, when the set is news.
    fn tell_of_skipped(&self, record: &KeyRecord, before: Option<&KeySet>) {
        for warning in KeyWarning::of_skipped(&self.trust.name, record.set(), before) {
            tracing::warn!("{warning}");
        }
    }
}

/// What is asked for. A companion reads no mirror: [`reach::remote`] leaves none.
const fn url(read: &Read) -> Option<&Url> {
    match read {
        Read::Discovery(url) | Read::KeySet(url) => Some(url),
        Read::Mirror(_) => None,
    }
}
