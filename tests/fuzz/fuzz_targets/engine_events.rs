//! The engine of one worker, with events in any order: each request is forwarded or gets a
//! local reply exactly once, unless its client has disconnected.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portcullis_core::keys::KeyRecord;
use portcullis_core::outcome::Outcome;
use portcullis_core::request::Headers;
use portcullis_core::timestamp::Timestamp;
use portcullis_core::trust::{KeySourceId, TrustId};
use portcullis_engine::{
    Call, CallResponse, Effect, Engine, RequestContext, RequestId, Step, Update,
};
use portcullis_fuzz::sample::{COOKIE, NOW, karma, key_set, policy, session};
use portcullis_fuzz::signing::FakeSignatures;

#[derive(Arbitrary, Clone, Debug)]
enum Event {
    /// A request arrives.
    Arrives(Kind),
    /// A client disconnects.
    Leaves(u8),
    /// A call gets a response, perhaps one that was replied to before.
    CallResponse {
        call: u8,
        status: Status,
        cookies: Vec<SetCookie>,
    },
    /// A call fails.
    Fails(u8),
    /// New keys.
    Keys {
        of_blue: bool,
        known: bool,
    },
    /// Time passes, in tenths of a second.
    Wait(u8),
    Tick,
    /// Requests that are due are evaluated.
    Settle(u8),
    /// The same for those whose session was refreshed.
    SettleRefreshed(u8),
    /// Requests are due, and leave before they are evaluated.
    DueAndLeft(u8),
    /// A response passes.
    Response(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    Known,
    Unknown,
    Session(u8),
    OldSession(u8),
    Nothing,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Status {
    Refreshed,
    Ended,
    Unavailable,
    Other(u16),
}

#[derive(Arbitrary, Clone, Debug)]
enum SetCookie {
    /// A new session token of a user.
    Token(u8),
    Sealed,
    Deletion,
    Another,
    Raw(Vec<u8>),
}

static KARMA: LazyLock<[String; 2]> = LazyLock::new(|| ["blue-key", "unknown"].map(karma));

struct World {
    engine: Engine,
    now: Timestamp,
    requests: BTreeMap<u64, Vec<(&'static str, String)>>,
    calls: Vec<Call>,
    waiting: BTreeSet<u64>,
    over: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        Self {
            engine: Engine::new(policy(), NOW),
            now: NOW,
            requests: BTreeMap::new(),
            calls: Vec::new(),
            waiting: BTreeSet::new(),
            over: BTreeSet::new(),
        }
    }

    fn evaluate(&mut self, id: u64) {
        assert!(!self.over.contains(&id), "request {id} is over");
        let request = [
            (":method", "GET"),
            (":authority", "alertmanager.example.com"),
            (":path", "/api/v2/alerts"),
        ];
        let fields = self.requests[&id]
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let fields = request.into_iter().chain(fields);
        let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers = Headers::new(fields.collect());
        let at = RequestContext {
            time: self.now,
            signatures: &FakeSignatures,
            calls_end_with_request: true,
        };
        let has_credential = !self.requests[&id].is_empty();
        match self.engine.request(RequestId(id), &headers, at) {
            Step::Wait => {
                assert!(has_credential, "a request without a credential waits");
                self.waiting.insert(id);
            }
            Step::Decided(outcome) => {
                if matches!(outcome, Outcome::Forward(_)) {
                    assert!(has_credential, "forwarded without a credential");
                }
                self.waiting.remove(&id);
                self.over.insert(id);
            }
        }
        self.drain();
    }

    fn leave(&mut self, id: u64) {
        let waited = self.waiting.remove(&id);
        assert_eq!(self.engine.request_ended(RequestId(id)), waited);
        self.over.insert(id);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.engine.next_effect() {
            match effect {
                Effect::Call(call) => {
                    assert_eq!(call.cluster, "portcullis");
                    for (name, value) in &call.headers {
                        assert!(!value.contains(['\r', '\n', '\0']), "{name}");
                        assert!(
                            !name.eq_ignore_ascii_case("authorization"),
                            "another's credential"
                        );
                    }
                    self.calls.push(call);
                }
                Effect::Log(_, line) => assert!(!line.contains(char::is_control), "{line:?}"),
            }
        }
        self.engine.take_changes(&mut |_, _| {});
    }

    fn handle_response(&mut self, call: usize, status: Status, cookies: &[SetCookie]) {
        let status = match status {
            Status::Refreshed => 200,
            Status::Ended => 401,
            Status::Unavailable => 503,
            Status::Other(number) => number,
        };
        let status = status.to_string();
        let cookies = cookies.iter().take(80).map(|cookie| match cookie {
            SetCookie::Token(number) => {
                format!("{COOKIE}={}; Path=/", session(number % 3, self.now)).into_bytes()
            }
            SetCookie::Sealed => format!("{COOKIE}-session=new; Path=/").into_bytes(),
            SetCookie::Deletion => format!("{COOKIE}=; Max-Age=0").into_bytes(),
            SetCookie::Another => b"app=1; Path=/".to_vec(),
            SetCookie::Raw(bytes) => bytes.clone(),
        });
        let cookies: Vec<Vec<u8>> = cookies.collect();
        let mut fields = vec![(&b":status"[..], status.as_bytes())];
        fields.extend(
            cookies
                .iter()
                .map(|line| (&b"set-cookie"[..], line.as_slice())),
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

    fn apply(&mut self, event: Event) {
        let calls = self.calls.len();
        let requests = self.requests.len() as u64;
        match event {
            Event::Arrives(kind) => {
                let cookies = |token: String| {
                    vec![(
                        "cookie",
                        format!("{COOKIE}={token}; {COOKIE}-session=sealed"),
                    )]
                };
                let bearer = |token: &String| vec![("authorization", format!("Bearer {token}"))];
                let headers = match kind {
                    Kind::Known => bearer(&KARMA[0]),
                    Kind::Unknown => bearer(&KARMA[1]),
                    Kind::Session(number) => cookies(session(number % 3, self.now)),
                    Kind::OldSession(number) => {
                        cookies(session(number % 3, NOW.before(Duration::from_secs(400))))
                    }
                    Kind::Nothing => Vec::new(),
                };
                self.requests.insert(requests, headers);
                self.evaluate(requests);
            }
            Event::Leaves(which) if requests > 0 => self.leave(u64::from(which) % requests),
            Event::CallResponse {
                call,
                status,
                cookies,
            } if calls > 0 => {
                self.handle_response(usize::from(call) % calls, status, &cookies);
            }
            Event::Fails(call) if calls > 0 => {
                self.engine
                    .handle_response(self.calls[usize::from(call) % calls].id, None);
                self.drain();
            }
            Event::Keys { of_blue, known } => {
                let source = if of_blue {
                    TrustId::at(0).into()
                } else {
                    KeySourceId::Companion
                };
                let kid = match (of_blue, known) {
                    (_, false) => "another",
                    (true, true) => "blue-key",
                    (false, true) => "sso-key",
                };
                let record = KeyRecord::fetched_now(key_set(kid), self.now);
                self.engine.update(Update::Keys(source, Arc::new(record)));
            }
            Event::Wait(tenths) => {
                self.now = self
                    .now
                    .after(Duration::from_millis(100 * u64::from(tenths)))
            }
            Event::Tick => {
                self.engine.tick(self.now);
                self.drain();
            }
            Event::Settle(most) => self.settle(most.into()),
            Event::SettleRefreshed(most) => {
                for id in self.engine.due_by_refresh(most.into()) {
                    self.evaluate(id.0);
                }
                assert_eq!(self.calls.len(), calls, "these lead to no call");
            }
            Event::DueAndLeft(most) => {
                for id in self.engine.due(most.into(), self.now) {
                    assert!(self.engine.is_waiting(id));
                    self.leave(id.0);
                }
            }
            Event::Response(which) => {
                if let Some(response) = self.engine.response_changes(RequestId(which.into())) {
                    for line in response.set_cookies() {
                        assert!(
                            line.starts_with(COOKIE.as_bytes())
                                || line.trim_ascii_start().starts_with(b"__")
                        );
                    }
                    assert!(
                        self.engine
                            .response_changes(RequestId(which.into()))
                            .is_none(),
                        "once"
                    );
                }
            }
            Event::Leaves(_) | Event::CallResponse { .. } | Event::Fails(_) => {}
        }
        for id in self.requests.keys() {
            assert_eq!(
                self.engine.is_waiting(RequestId(*id)),
                self.waiting.contains(id),
                "{id}"
            );
        }
    }

    fn settle(&mut self, most: usize) {
        for id in self.engine.due(most, self.now) {
            self.evaluate(id.0);
        }
    }
}

fuzz_target!(|events: Vec<Event>| {
    let mut world = World::new();
    for event in events.into_iter().take(100) {
        world.apply(event);
    }
    // No response comes any more, and time passes: more than a refresh may take.
    for _ in 0..10 {
        world.apply(Event::Wait(25));
        world.apply(Event::Tick);
        world.settle(usize::MAX);
    }
    assert!(world.waiting.is_empty(), "{:?}", world.waiting);
    assert_eq!(world.over.len(), world.requests.len());
});
