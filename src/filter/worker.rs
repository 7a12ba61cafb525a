//! What one worker has: the gate, its copy of the keys, its memory, and the requests that wait.

mod waiting;

use std::time::Duration;

use portcullis_core::decision::Decision;
use portcullis_core::gate::{Circumstances, Gate, Judgement, Memory};
use portcullis_core::keys::{Holding, Keyring, Record};
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::timestamp::Timestamp;

use self::waiting::{Waiting, WaitingRoom};
use crate::host::{self, Pairs};
use crate::metrics::Metrics;
use crate::signatures::Checker;
use crate::verdict::{self, Outcome};

/// How long a request waits for keys. Reading them takes two answers at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many waiting requests are settled at a time. Envoy carries out what was decided only when we
/// return to it, each answer from within the one before where that calls us again, and the stack
/// that they share overflows at a few hundred: a trap, which ends every request of the worker.
const PORTION: usize = 32;

/// What one worker has.
#[derive(Debug)]
pub(crate) struct Worker {
    gate: Gate,
    keyring: Keyring,
    memory: Memory,
    checker: Checker,
    metrics: Metrics,
    waiting: WaitingRoom,
    /// Counts what has become known of keys, so that a waiting request is judged again only by
    /// something new.
    news: u64,
}

/// What is to be done with a request now.
enum Step {
    Done(Outcome),
    Wait(Vec<usize>),
}

impl Worker {
    /// A worker that judges by this policy.
    pub(crate) fn new(policy: Policy, checker: Checker, now: Timestamp) -> Self {
        let trusts = policy.trusts();
        Self {
            keyring: Keyring::new(trusts, now),
            metrics: Metrics::define(trusts.iter().map(|trust| trust.name.as_str())),
            gate: Gate::new(policy),
            memory: Memory::default(),
            checker,
            waiting: WaitingRoom::default(),
            news: 0,
        }
    }

    /// The policy that it judges by.
    pub(crate) const fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    /// The metrics of this worker.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The keys as this worker knows them.
    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What the workers know together of the keys of the trust entry at this place.
    pub(crate) fn record(&self, trust: usize) -> Option<&Record> {
        self.keyring.holding(trust).map(Holding::record)
    }

    /// Takes over what the workers know together of the trust entry at this place.
    pub(crate) fn update(&mut self, trust: usize, record: Record) {
        self.keyring.update(trust, record);
        self.news = self.news.wrapping_add(1);
    }

    /// Whether a request waits for the keys of the trust entry at this place.
    pub(crate) fn asks_for(&self, trust: usize) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.trusts.contains(&trust))
    }

    /// Judges the request of the effective context, which has this id. `None` means that it waits.
    pub(crate) fn receive(&mut self, id: u32) -> Option<Outcome> {
        let arrived = now();
        match self.judge(arrived, arrived, true) {
            Step::Done(outcome) => Some(outcome),
            Step::Wait(trusts) => {
                self.waiting.enter(Waiting {
                    id,
                    arrived,
                    trusts,
                    news: self.news,
                });
                self.metrics.waiting(self.waiting.len());
                None
            }
        }
    }

    /// Hands what was counted to Envoy.
    pub(crate) fn flush(&mut self) {
        self.metrics.flush();
    }

    /// Whether the request of this context waits.
    pub(crate) fn is_waiting(&self, id: u32) -> bool {
        self.waiting.iter().any(|waiting| waiting.id == id)
    }

    /// Forgets a request that is over.
    pub(crate) fn leave(&mut self, id: u32) {
        if self.waiting.leave(id) {
            self.metrics.waiting(self.waiting.len());
        }
    }

    /// Judges waiting requests again, if keys have changed or patience is at its end: some of them,
    /// and the others next time.
    pub(crate) fn settle(&mut self) {
        let now = now();
        let news = self.news;
        let due = |waiting: &Waiting| waiting.news != news || waiting.is_over(now, PATIENCE);
        for Waiting { id, arrived, .. } in self.waiting.take(PORTION, due) {
            // A client that has gone away takes its context with it.
            if host::set_effective_context(id).is_err() {
                continue;
            }
            let patient = !Waiting::over(arrived, now, PATIENCE);
            match self.judge(arrived, now, patient) {
                Step::Wait(trusts) => self.waiting.enter(Waiting {
                    id,
                    arrived,
                    trusts,
                    news,
                }),
                Step::Done(Outcome::Answered) => {}
                Step::Done(Outcome::GoesOn) => {
                    if let Err(error) = host::resume_request() {
                        log::error!("portcullis: an allowed request can't be resumed: {error}");
                    }
                }
            }
        }
        self.metrics.waiting(self.waiting.len());
    }

    /// Judges the request of the effective context and carries the verdict out, unless the request
    /// should wait, is `patient`, and there is room for it.
    fn judge(&mut self, arrived: Timestamp, now: Timestamp, patient: bool) -> Step {
        let pairs = match host::request_headers() {
            Ok(pairs) => pairs,
            Err(error) => return Step::Done(verdict::unreadable(error)),
        };
        let headers = Headers::new(Pairs::iter(&pairs).collect());
        let circumstances = Circumstances {
            keyring: &self.keyring,
            signatures: &self.checker,
            arrived,
            now,
        };
        let decision: Decision<'_> =
            match self.gate.judge(&headers, circumstances, &mut self.memory) {
                Judgement::Decided(decision) => decision,
                Judgement::AwaitKeys { trusts, .. }
                    if patient && self.waiting.has_room_for(&trusts) =>
                {
                    return Step::Wait(trusts);
                }
                Judgement::AwaitKeys { app, .. } => self.gate.give_up(app),
            };
        if let Some(microseconds) = self.checker.take_duration() {
            self.metrics.verification(microseconds);
        }
        self.metrics.count(&decision);
        Step::Done(verdict::carry_out(self.gate.policy(), &decision, &headers))
    }
}

/// The time. A host without a clock lets nothing that ends pass: every token has expired then.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(host::now().unwrap_or(u64::MAX))
}
