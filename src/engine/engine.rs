//! The engine of one worker: the gate, a copy of the keys, the token cache, and the waiting
//! requests.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use log::Level;
use portcullis_core::decision::Decision;
use portcullis_core::gate::{Context, Evaluation, Gate, TokenCache};
use portcullis_core::keys::{Keyring, Signatures};
use portcullis_core::outcome::removed_trailers;
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::KeySourceId;

use crate::call::{CallId, REFRESH_TIMEOUT};
use crate::call_response::CallResponse;
use crate::effect::Effect;
use crate::metrics::{Change, Metric, Metrics, RefreshLabel};
use crate::reader::FetchTriggers;
use crate::refresh_response::RefreshResponse;
use crate::refreshes::Refreshes;
use crate::request_id::RequestId;
use crate::step::Step;
use crate::update::Update;
use crate::waiting::{WaitingRequest, WaitingRequests, is_timed_out};

#[cfg(test)]
mod tests;

/// How often an adapter calls [`Engine::tick`] and checks what other workers have fetched. It
/// delays a request that waits for keys by at most this time.
pub const TICK: Duration = Duration::from_millis(100);

/// How long a request waits for keys. Fetching them takes at most two responses.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many ticks there are between two updates of the age metrics.
const TICKS_PER_REPORT: u32 = 10;

/// The context of an event.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The time of the event.
    pub time: Timestamp,
    /// The signature verification: by the proxy, a native library, or pure Rust.
    pub signatures: &'a dyn Signatures,
    /// Whether a call gets no response after the request has ended during whose event it was made.
    pub calls_end_with_request: bool,
}

/// The engine of one worker. The decision on a request depends only on the policy, the request, the
/// passed keys and revocations, and the time.
#[derive(Debug)]
pub struct Engine {
    gate: Gate,
    keyring: Keyring,
    /// The number of keyring updates, so that a waiting request is evaluated again only after one.
    keys_version: u64,
    cache: TokenCache,
    revocations: Arc<Revocations>,
    /// The fetch state of the revocations, as this worker knows it.
    revocations_record: RevocationsRecord,
    waiting: WaitingRequests,
    refreshes: Refreshes,
    /// The requests that [`Engine::due`] has returned and that were not evaluated again yet.
    due: Vec<WaitingRequest>,
    /// The refresh responses whose cookies must be added to the responses of these requests.
    cookies: BTreeMap<RequestId, Rc<RefreshResponse>>,
    effects: VecDeque<Effect>,
    metrics: Metrics,
    started: Timestamp,
    ticks: u32,
    /// The number of duplicate keys at the last update.
    duplicate_keys: usize,
    /// The number of ambiguous keys at the last update.
    ambiguous_keys: usize,
}

impl Engine {
    /// An engine with this policy.
    #[must_use]
    pub fn new(policy: Policy, now: Timestamp) -> Self {
        let mut effects = VecDeque::new();
        for (_, line) in policy.report_only_apps(now) {
            let line = ["portcullis: ", &line].concat();
            effects.push_back(Effect::Log(Level::Warn, line));
        }
        Self {
            keyring: Keyring::new(policy.key_sources(), now),
            keys_version: 0,
            cache: TokenCache::default(),
            revocations: Arc::default(),
            revocations_record: RevocationsRecord::default(),
            waiting: WaitingRequests::default(),
            refreshes: Refreshes::default(),
            due: Vec::new(),
            cookies: BTreeMap::new(),
            effects,
            metrics: Metrics::new(&policy),
            started: now,
            ticks: 0,
            duplicate_keys: 0,
            ambiguous_keys: 0,
            gate: Gate::new(policy),
        }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    // === Requests ===

    /// Evaluates a request: a new one, or one that [`Engine::due`] or [`Engine::due_by_refresh`]
    /// has returned, whose headers the adapter reads again.
    pub fn request<'e>(
        &'e mut self,
        id: RequestId,
        headers: &'e Headers<'e>,
        request_context: RequestContext<'_>,
    ) -> Step<'e> {
        let now = request_context.time;
        let place = self.due.iter().position(|request| request.id == id);
        let was_waiting = place.is_some();
        // Only a call in the first event of a request is owned by that request.
        let owner = (request_context.calls_end_with_request && !was_waiting).then_some(id);
        let request = match place {
            Some(place) => self.due.remove(place),
            None => WaitingRequest::new(id, now),
        };
        let context = Context {
            keyring: &self.keyring,
            signatures: request_context.signatures,
            revocations: &self.revocations,
            arrived: request.arrived,
            now,
        };
        let (gate, cache) = (&self.gate, &mut self.cache);
        let evaluation = match &request.refreshed {
            Some(response) => gate.evaluate_refreshed(headers, context, cache, response.outcome()),
            None => gate.evaluate(headers, context, cache),
        };
        let may_wait = !is_timed_out(request.arrived, now, WAIT_TIMEOUT);
        let refreshed = request.refreshed.clone();
        let mut waits = false;
        let decision: Option<Decision<'_>> = match evaluation {
            Evaluation::Decided(decision) => Some(decision),
            Evaluation::AwaitKeys { sources, .. }
                if may_wait && self.waiting.has_room_for(&sources) =>
            {
                self.waiting.add(WaitingRequest {
                    sources,
                    keys_version: Some(self.keys_version),
                    ..request
                });
                waits = true;
                None
            }
            Evaluation::AwaitKeys { app, .. } => Some(gate.give_up(app)),
            Evaluation::Refresh(refresh) => {
                let effects = &mut self.effects;
                if may_wait && self.refreshes.add(&refresh, request, owner, now, effects) {
                    waits = true;
                    None
                } else {
                    self.metrics.refresh(RefreshLabel::Unavailable);
                    Some(refresh.give_up())
                }
            }
        };
        if waits || was_waiting {
            let waiting = count_waiting(&self.waiting, &self.refreshes, &self.due);
            self.metrics.waiting(waiting);
        }
        let Some(decision) = decision else {
            return Step::Wait;
        };
        self.metrics.count(&decision);
        if let Some(response) = refreshed {
            let reason = decision.enforced_reason();
            if let Some(label) = response.label(reason) {
                self.metrics.refresh(label);
            }
            if response.sets_cookies(reason) {
                self.cookies.insert(id, response);
            }
        }
        Step::Decided(decision.outcome(headers, gate.policy(), now))
    }

    /// Whether this request waits, so that its body and trailers must wait too.
    #[must_use]
    pub fn is_waiting(&self, id: RequestId) -> bool {
        self.waiting.has(id)
            || self.refreshes.has(id)
            || self.due.iter().any(|request| request.id == id)
    }

    /// The names of a request's trailers to remove.
    pub fn removed_trailers<'e>(
        &'e self,
        trailers: &'e Headers<'e>,
    ) -> impl Iterator<Item = &'e [u8]> {
        removed_trailers(self.policy(), trailers)
    }

    /// The header changes for the response to this request, from an app or the engine. Returns them
    /// once. There rarely are any.
    pub fn response_changes(&mut self, id: RequestId) -> Option<Rc<RefreshResponse>> {
        if self.cookies.is_empty() {
            return None;
        }
        self.cookies.remove(&id)
    }

    /// Removes a request that has ended, and returns whether it waited. A call that it owns gets no
    /// response any more; [`Engine::tick`] repeats the call if other requests wait for it.
    pub fn request_ended(&mut self, id: RequestId) -> bool {
        if !self.cookies.is_empty() {
            self.cookies.remove(&id);
        }
        let due = self.due.len();
        self.due.retain(|request| request.id != id);
        let waited = self.waiting.remove(id) || self.refreshes.remove(id) || self.due.len() < due;
        if waited {
            let waiting = count_waiting(&self.waiting, &self.refreshes, &self.due);
            self.metrics.waiting(waiting);
        }
        waited
    }

    // === Other events ===

    /// Handles the response to a call; `None` if it failed, timed out or could not be made. A response
    /// without a waiting request is ignored.
    pub fn handle_response(&mut self, call: CallId, response: Option<&CallResponse<'_>>) {
        let Some((sid, requests)) = self.refreshes.take(call) else {
            return;
        };
        let response = match (self.policy().sso(), response) {
            (Some(sso), Some(response)) => {
                let lines = response.all("set-cookie");
                RefreshResponse::read(sid, sso.cookie_names(), response.status(), lines)
            }
            _ => RefreshResponse::unavailable(),
        };
        self.apply_refresh(requests, response);
    }

    /// Takes what a [`crate::Reader`] has fetched.
    pub fn update(&mut self, update: Update) {
        match update {
            Update::Keys(source, record) => self.keyring.update(source, record),
            Update::Owners(issuer, owners) => self.keyring.update_owners(&issuer, owners),
            Update::Revocations(list, record) => {
                self.revocations = list;
                self.revocations_record = record;
                return;
            }
        }
        self.keys_version = self.keys_version.wrapping_add(1);
    }

    /// Why the keys of this key source should be fetched before the schedule says so.
    #[must_use]
    pub fn fetch_triggers(&self, source: KeySourceId) -> FetchTriggers {
        FetchTriggers {
            by_request: self.awaits_keys(source),
            by_new_key: self.keyring.is_awaited(source),
        }
    }

    /// Whether a request waits for the keys of this key source.
    #[must_use]
    pub fn awaits_keys(&self, source: KeySourceId) -> bool {
        self.waiting.awaits(source)
    }

    /// The key sources whose keys requests wait for.
    pub fn awaited_sources(&self) -> impl Iterator<Item = KeySourceId> {
        self.waiting.awaited()
    }

    /// Counts a fetch of the keys of a key source.
    pub fn keys_fetched(&mut self, source: KeySourceId, has_succeeded: bool) {
        self.metrics.key_fetched(source, has_succeeded);
    }

    /// Records the duration of a signature verification.
    pub fn record_verification(&mut self, microseconds: u64) {
        self.metrics.verification(microseconds);
    }

    /// Handles the tick: repeats calls that will get no response, times out requests that wait for one,
    /// and updates gauges.
    pub fn tick(&mut self, now: Timestamp) {
        if let Some(sso) = self.gate.policy().sso() {
            let effects = &mut self.effects;
            let timed_out = self.refreshes.retry(sso, now, REFRESH_TIMEOUT, effects);
            if !timed_out.is_empty() {
                self.apply_refresh(timed_out, RefreshResponse::unavailable());
            }
        }
        if self.ticks.checked_rem(TICKS_PER_REPORT) == Some(0) {
            self.report(now);
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    /// Returns up to `most` requests that must be evaluated again by [`Engine::request`], because
    /// there are new keys, their session's refresh has an outcome, or their wait has timed out.
    ///
    /// Call this outside the events of a request: the resulting calls must have no owner.
    pub fn due(&mut self, most: usize, now: Timestamp) -> Vec<RequestId> {
        let keys_version = Some(self.keys_version);
        self.take_due(most, |request| {
            request.keys_version != keys_version || is_timed_out(request.arrived, now, WAIT_TIMEOUT)
        })
    }

    /// The same, but only for requests whose session's refresh has an outcome. They cause no calls,
    /// so this may be called during an event of any request.
    pub fn due_by_refresh(&mut self, most: usize) -> Vec<RequestId> {
        self.take_due(most, |request| request.keys_version.is_none())
    }

    /// The next effect, in order.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// All metrics that are defined so far.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter()
    }

    /// Passes the changes of metrics since the last call to `sink`. Updating metrics in the host
    /// costs more than most of the work for a request, so an adapter does this on the tick, and
    /// when requests start or stop waiting.
    pub fn take_changes(&mut self, sink: &mut dyn FnMut(&Metric, Change)) {
        self.metrics.take(sink);
    }

    fn take_due(
        &mut self,
        most: usize,
        is_due: impl Fn(&WaitingRequest) -> bool,
    ) -> Vec<RequestId> {
        let before = self.due.len();
        self.due.extend(self.waiting.take(most, is_due));
        let taken = self.due.iter().skip(before);
        taken.map(|request| request.id).collect()
    }

    /// Queues requests for evaluation by the outcome of a refresh.
    fn apply_refresh(&mut self, requests: Vec<WaitingRequest>, response: RefreshResponse) {
        let response = Rc::new(response);
        for request in requests {
            self.waiting.add(WaitingRequest {
                sources: Vec::new(),
                keys_version: None,
                refreshed: Some(Rc::clone(&response)),
                ..request
            });
        }
    }

    /// Updates the ages of keys and revocations, and warns about keys in more than one set.
    fn report(&mut self, now: Timestamp) {
        self.metrics.report_only_apps(now);
        let age = self.revocations_record.age(now);
        let age = age.unwrap_or_else(|| now.since(self.started));
        self.metrics
            .revocations(age.as_secs(), self.revocations.len());
        for (source, _) in self.gate.policy().key_sources() {
            let keys = self.keyring.trust_keys(source);
            if let Some(age) = keys.and_then(|keys| keys.age(now)) {
                self.metrics.key_age(source, age, now);
            }
        }
        let duplicates = self.keyring.duplicate_keys();
        self.metrics.duplicate_keys(duplicates.len());
        if duplicates.len() > self.duplicate_keys {
            for key in &duplicates {
                let line = format!("portcullis: {key}");
                self.effects.push_back(Effect::Log(Level::Warn, line));
            }
        }
        self.duplicate_keys = duplicates.len();
        let ambiguous = self.keyring.ambiguous_keys();
        self.metrics.ambiguous_keys(ambiguous.len());
        if ambiguous.len() > self.ambiguous_keys {
            for key in &ambiguous {
                let line = format!("portcullis: {key}");
                self.effects.push_back(Effect::Log(Level::Warn, line));
            }
        }
        self.ambiguous_keys = ambiguous.len();
    }
}

/// The number of waiting requests on a worker.
fn count_waiting(
    for_keys: &WaitingRequests,
    for_refreshes: &Refreshes,
    due: &[WaitingRequest],
) -> usize {
    let counts = [for_keys.len(), for_refreshes.len(), due.len()];
    counts.into_iter().fold(0, usize::saturating_add)
}
