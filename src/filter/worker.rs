//! What one worker has: the gate, its copy of the keys, its memory, and the requests that wait.

mod refreshes;
mod renewal;
mod waiting;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use portcullis_core::decision::Decision;
use portcullis_core::gate::{Context, Gate, Judgement, TokenCache};
use portcullis_core::keys::{KeyRecord, Keyring, TrustKeys};
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::Revocations;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use self::refreshes::{Refreshes, Sender};
use self::renewal::Renewal;
use self::waiting::{Waiting, WaitingRoom};
use crate::host::{self, Pairs};
use crate::metrics::{Metrics, Refresh};
use crate::reply::Reply;
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
    memory: TokenCache,
    revocations: Revocations,
    checker: Checker,
    metrics: Metrics,
    waiting: WaitingRoom,
    refreshes: Refreshes,
    /// What rides on the answers to requests that have not been answered yet, by their contexts.
    riding: HashMap<u32, Rc<Renewal>>,
    /// Counts what has become known of keys, so that a waiting request is judged again only by
    /// something new.
    news: u64,
}

impl Worker {
    /// A worker that judges by this policy.
    pub(crate) fn new(policy: Policy, checker: Checker, now: Timestamp) -> Self {
        Self {
            keyring: Keyring::new(policy.key_sources(), now),
            metrics: Metrics::define(&policy),
            gate: Gate::new(policy),
            memory: TokenCache::default(),
            revocations: Revocations::default(),
            checker,
            waiting: WaitingRoom::default(),
            refreshes: Refreshes::default(),
            riding: HashMap::new(),
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

    /// What the workers know together of the keys of this source.
    pub(crate) fn record(&self, source: KeySourceId) -> Option<&KeyRecord> {
        self.keyring.trust_keys(source).map(TrustKeys::record)
    }

    /// Takes over what the workers know together of this source.
    pub(crate) fn update(&mut self, source: KeySourceId, record: KeyRecord) {
        self.keyring.update(source, record);
        self.news = self.news.wrapping_add(1);
    }

    /// Whether a request waits for the keys of this source.
    pub(crate) fn asks_for(&self, source: KeySourceId) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.sources.contains(&source))
    }

    /// The sessions that have ended, as this worker knows them.
    pub(crate) const fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Takes over a list of sessions that have ended, and says whether any of it was new. What was
    /// known stays until its end.
    pub(crate) fn revoke(&mut self, list: &Revocations) -> bool {
        let now = now();
        self.revocations.prune(now);
        let before = self.revocations.clone();
        self.revocations.unite(list, now);
        self.revocations != before
    }

    /// Judges the request of the effective context, which has this id. `None` means that it waits.
    pub(crate) fn receive(&mut self, id: u32) -> Option<Outcome> {
        let now = now();
        let request = Waiting::new(id, now);
        let outcome = self.judge(request, now, Sender::Request(id));
        if outcome.is_none() {
            self.show_waiting();
        }
        outcome
    }

    /// Hands what was counted to Envoy.
    pub(crate) fn flush(&mut self) {
        self.metrics.flush();
    }

    /// Whether the request of this context waits.
    pub(crate) fn is_waiting(&self, id: u32) -> bool {
        self.waiting.has(id) || self.refreshes.has(id)
    }

    /// Forgets a request that is over.
    pub(crate) fn leave(&mut self, id: u32) {
        self.riding.remove(&id);
        if self.waiting.leave(id) || self.refreshes.leave(id) {
            self.show_waiting();
        }
    }

    /// Takes the reply to a call for a fresh session token, and says whether it was one. Those that
    /// wait for it are to be settled.
    pub(crate) fn take_refresh(&mut self, token: u32, headers: usize) -> bool {
        let Some((sid, waiting)) = self.refreshes.take(token) else {
            return false;
        };
        let reply = Reply::take(headers, 0, 0);
        let renewal = match (self.gate.policy().sso(), &reply) {
            (Some(sso), Some(reply)) => {
                Renewal::read(sid, sso.cookies(), reply.status(), reply.all("set-cookie"))
            }
            _ => Renewal::unavailable(),
        };
        self.refreshed(waiting, renewal);
        true
    }

    /// Asks again for what nobody would get the reply to, and lets go who waits in vain. The root
    /// context's callback runs.
    pub(crate) fn ask_again(&mut self) {
        if let Some(sso) = self.gate.policy().sso() {
            let in_vain = self.refreshes.ask_again(sso, now(), PATIENCE);
            if !in_vain.is_empty() {
                self.refreshed(in_vain, Renewal::unavailable());
            }
        }
    }

    /// Lets requests wait for their turn to be judged by what came of a refresh.
    fn refreshed(&mut self, waiting: Vec<Waiting>, renewal: Renewal) {
        let renewal = Rc::new(renewal);
        for waiting in waiting {
            self.waiting.enter(Waiting {
                sources: Vec::new(),
                news: None,
                renewal: Some(Rc::clone(&renewal)),
                ..waiting
            });
        }
    }

    /// Judges waiting requests again, if what they wait for has come or patience is at its end: some
    /// of them, and the others next time. The root context's callback runs.
    pub(crate) fn settle(&mut self) {
        let now = now();
        let news = Some(self.news);
        self.settle_if(now, |one| {
            one.news != news || Waiting::over(one.arrived, now, PATIENCE)
        });
    }

    /// The same for those alone that were just refreshed, whosever callback runs.
    pub(crate) fn settle_refreshed(&mut self) {
        self.settle_if(now(), |one| one.news.is_none());
    }

    fn settle_if(&mut self, now: Timestamp, due: impl Fn(&Waiting) -> bool) {
        for request in self.waiting.take(PORTION, due) {
            // A client that has gone away takes its context with it.
            if host::set_effective_context(request.id).is_err() {
                continue;
            }
            if self.judge(request, now, Sender::Root) == Some(Outcome::GoesOn)
                && let Err(error) = host::resume_request()
            {
                log::error!("portcullis: an allowed request can't be resumed: {error}");
            }
        }
        self.show_waiting();
    }

    /// Adds to the answer that the request of this context gets, the effective one, the cookies that
    /// ride on it. There hardly ever are any.
    pub(crate) fn add_cookies(&mut self, id: u32) {
        if self.riding.is_empty() {
            return;
        }
        if let Some(Err(error)) = self.riding.remove(&id).map(|renewal| renewal.ride()) {
            log::error!("portcullis: a session's cookies can't be added to an answer: {error}");
        }
    }

    fn show_waiting(&mut self) {
        let waiting = self.waiting.len().saturating_add(self.refreshes.len());
        self.metrics.waiting(waiting);
    }

    /// Judges a request, which is the effective context's, and carries the verdict out; or lets it
    /// wait, where it should and there is room for it. `sender` is whose callback runs.
    fn judge(&mut self, request: Waiting, now: Timestamp, sender: Sender) -> Option<Outcome> {
        let pairs = match host::request_headers() {
            Ok(pairs) => pairs,
            Err(error) => return Some(verdict::unreadable(error)),
        };
        let headers = Headers::new(Pairs::iter(&pairs).collect());
        let Waiting { id, arrived, .. } = request;
        let context = Context {
            keyring: &self.keyring,
            signatures: &self.checker,
            revocations: &self.revocations,
            arrived,
            now,
        };
        let (gate, memory) = (&self.gate, &mut self.memory);
        let judgement = match &request.renewal {
            Some(renewal) => gate.judge_refreshed(&headers, context, memory, renewal.refreshed()),
            None => gate.judge(&headers, context, memory),
        };
        let patient = !Waiting::over(arrived, now, PATIENCE);
        let renewal = request.renewal.clone();
        let decision: Decision<'_> = match judgement {
            Judgement::Decided(decision) => decision,
            Judgement::AwaitKeys { sources, .. }
                if patient && self.waiting.has_room_for(&sources) =>
            {
                let news = Some(self.news);
                self.waiting.enter(Waiting {
                    sources,
                    news,
                    ..request
                });
                return None;
            }
            Judgement::AwaitKeys { app, .. } => gate.give_up(app),
            Judgement::Refresh(refresh) => {
                if patient && self.refreshes.enter(&refresh, request, sender, now) {
                    return None;
                }
                self.metrics.refresh(Refresh::Unavailable);
                refresh.give_up()
            }
        };
        if let Some(microseconds) = self.checker.take_duration() {
            self.metrics.verification(microseconds);
        }
        self.metrics.count(&decision);
        if let Some(renewal) = renewal {
            let reason = decision.reason();
            if let Some(outcome) = renewal.outcome(reason) {
                self.metrics.refresh(outcome);
            }
            if renewal.rides(reason) {
                self.riding.insert(id, renewal);
            }
        }
        Some(verdict::carry_out(gate.policy(), &decision, &headers))
    }
}

/// The time. A host without a clock lets nothing that ends pass: every token has expired then.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(host::now().unwrap_or(u64::MAX))
}
