use std::time::Duration;

use portcullis_core::keys::KeyRecord;
use portcullis_core::outcome::Outcome;
use portcullis_core::request::Headers;
use portcullis_core::trust::TrustId;

use super::*;
use crate::call::Call;
use crate::fixtures::{FakeSignatures, START, karma, key_set, policy, session};

mod any_order;
mod keys;
mod sessions;

/// An engine with the state of an adapter: the requests with their headers, and the time.
struct Harness {
    engine: Engine,
    now: Timestamp,
    calls_end_with_request: bool,
    requests: BTreeMap<u64, Vec<(&'static str, String)>>,
    /// The queued calls, in order.
    calls: Vec<Call>,
    log: Vec<String>,
    /// The metric of waiting requests.
    waiting: i64,
    refreshes: BTreeMap<String, i64>,
}

fn blue() -> KeySourceId {
    TrustId::at(0).into()
}

/// A request with a bearer token.
fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {token}"))]
}

/// A request with the cookies of a session.
fn cookies(token: &str) -> Vec<(&'static str, String)> {
    let cookies = format!("__Secure-portcullis={token}; __Secure-portcullis-session=sealed");
    vec![("cookie", cookies)]
}

impl Harness {
    /// A harness without keys.
    fn new() -> Self {
        Self {
            engine: Engine::new(policy(), START),
            now: START,
            calls_end_with_request: true,
            requests: BTreeMap::new(),
            calls: Vec::new(),
            log: Vec::new(),
            waiting: 0,
            refreshes: BTreeMap::new(),
        }
    }

    /// A harness with a key of blue and one of the companion.
    fn with_keys() -> Self {
        let mut harness = Self::new();
        harness.keys(blue(), "blue-key");
        harness.keys(KeySourceId::Companion, "sso-key");
        harness
    }

    fn keys(&mut self, source: KeySourceId, kid: &str) {
        let record = KeyRecord::fetched_now(key_set(kid), self.now);
        self.engine.update(Update::Keys(source, Arc::new(record)));
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// A new request, and its result.
    fn receive(&mut self, id: u64, headers: Vec<(&'static str, String)>) -> String {
        self.requests.insert(id, headers);
        self.evaluate(id)
    }

    /// Evaluates a request: `wait`, or the reason of the decision.
    fn evaluate(&mut self, id: u64) -> String {
        let fields = &self.requests[&id];
        let request = [
            (":method", "GET"),
            (":authority", "alertmanager.example.com"),
            (":path", "/api/v2/alerts"),
        ];
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let fields = request.into_iter().chain(fields);
        let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers = Headers::new(fields.collect());
        let context = RequestContext {
            time: self.now,
            signatures: &FakeSignatures,
            calls_end_with_request: self.calls_end_with_request,
        };
        let result = match self.engine.request(RequestId(id), &headers, context) {
            Step::Wait => "wait".to_owned(),
            Step::Decided(Outcome::Forward(verdict) | Outcome::Reply(_, verdict)) => {
                verdict.decision().reason().code().to_owned()
            }
        };
        self.drain();
        result
    }

    fn tick(&mut self) {
        self.engine.tick(self.now);
        self.drain();
    }

    /// Evaluates the due requests, and returns their results.
    fn evaluate_due(&mut self) -> Vec<(u64, String)> {
        let due = self.engine.due(32, self.now);
        let evaluated: Vec<_> = due.iter().map(|id| (id.0, self.evaluate(id.0))).collect();
        self.drain();
        evaluated
    }

    /// The companion responds to the call with this index.
    fn handle_response(&mut self, call: usize, status: u16, set_cookies: &[&str]) {
        let status = status.to_string();
        let mut fields = vec![(&b":status"[..], status.as_bytes())];
        fields.extend(
            set_cookies
                .iter()
                .map(|line| (&b"set-cookie"[..], line.as_bytes())),
        );
        let headers = Headers::new(fields);
        let response = CallResponse {
            headers: &headers,
            body: b"",
        };
        self.engine
            .handle_response(self.calls[call].id, Some(&response));
        self.drain();
    }

    /// The call with this index fails.
    fn fail_call(&mut self, call: usize) {
        self.engine.handle_response(self.calls[call].id, None);
    }

    fn drain(&mut self) {
        while let Some(effect) = self.engine.next_effect() {
            match effect {
                Effect::Call(call) => self.calls.push(call),
                Effect::Log(_, line) => self.log.push(line),
            }
        }
        let (waiting, refreshes) = (&mut self.waiting, &mut self.refreshes);
        self.engine.take_changes(&mut |metric, change| {
            let Change::Add(by) = change else { return };
            if metric.name == "portcullis_waiting_requests" {
                *waiting += by;
            } else if let Some(outcome) = metric
                .name
                .strip_prefix("portcullis_refreshes_total.outcome.")
            {
                *refreshes.entry(outcome.to_owned()).or_default() += by;
            }
        });
    }
}
