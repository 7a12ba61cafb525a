//! In any order of events, each request gets a local reply or is forwarded exactly once, unless its client
//! has disconnected.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// An event.
#[derive(Clone, Debug)]
enum Event {
    Arrives(RequestKind),
    Disconnects(usize),
    /// A response to a call, perhaps a second one.
    CallResponse(usize, u16),
    Fails(usize),
    Keys(bool, bool),
    Wait(u16),
    Tick,
    EvaluateDue(usize),
    EvaluateRefreshed(usize),
    /// Requests are due, and their clients disconnect before they are evaluated.
    DisconnectDue(usize),
}

#[derive(Clone, Copy, Debug)]
enum RequestKind {
    Known,
    Unknown,
    Session(u8),
    OldSession(u8),
    Nothing,
}

fn request_kind() -> impl Strategy<Value = RequestKind> {
    prop_oneof![
        Just(RequestKind::Known),
        Just(RequestKind::Unknown),
        (0_u8..3).prop_map(RequestKind::Session),
        (0_u8..3).prop_map(RequestKind::OldSession),
        Just(RequestKind::Nothing),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => request_kind().prop_map(Event::Arrives),
        2 => any::<usize>().prop_map(Event::Disconnects),
        2 => (any::<usize>(), prop_oneof![Just(200), Just(401), Just(503)])
            .prop_map(|(call, status)| Event::CallResponse(call, status)),
        1 => any::<usize>().prop_map(Event::Fails),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(blue, known)| Event::Keys(blue, known)),
        2 => (0_u16..3000).prop_map(Event::Wait),
        2 => Just(Event::Tick),
        2 => (0_usize..4).prop_map(Event::EvaluateDue),
        1 => (0_usize..4).prop_map(Event::EvaluateRefreshed),
        1 => (1_usize..4).prop_map(Event::DisconnectDue),
    ]
}

/// A harness, and the state of each request.
struct Tracker {
    harness: Harness,
    waiting: BTreeSet<u64>,
    ended: BTreeSet<u64>,
}

impl Tracker {
    fn evaluate(&mut self, id: u64) {
        assert!(
            !self.ended.contains(&id),
            "{id} is decided or has disconnected"
        );
        let result = self.harness.evaluate(id);
        if result == "wait" {
            self.waiting.insert(id);
        } else {
            self.waiting.remove(&id);
            self.ended.insert(id);
        }
    }

    fn disconnect(&mut self, id: u64) {
        assert_eq!(
            self.harness.engine.request_ended(RequestId(id)),
            self.waiting.remove(&id)
        );
        self.harness.drain();
        self.ended.insert(id);
    }

    fn apply(&mut self, event: &Event) {
        let calls = self.harness.calls.len();
        match event {
            Event::Arrives(kind) => {
                let headers = match kind {
                    RequestKind::Known => bearer(&karma("blue-key")),
                    RequestKind::Unknown => bearer(&karma("unknown")),
                    RequestKind::Session(number) => cookies(&session(*number, self.harness.now)),
                    RequestKind::OldSession(number) => cookies(&session(*number, START)),
                    RequestKind::Nothing => Vec::new(),
                };
                let id = self.harness.requests.len() as u64;
                self.harness.requests.insert(id, headers);
                self.evaluate(id);
            }
            Event::Disconnects(which) if !self.harness.requests.is_empty() => {
                self.disconnect((which % self.harness.requests.len()) as u64);
            }
            Event::CallResponse(call, status) if calls > 0 => {
                let line = format!(
                    "__Secure-portcullis={}; Path=/",
                    session(1, self.harness.now)
                );
                self.harness
                    .handle_response(call % calls, *status, &[&line]);
            }
            Event::Fails(call) if calls > 0 => self.harness.fail_call(call % calls),
            Event::Keys(blue_keys, known) => {
                let source = if *blue_keys {
                    blue()
                } else {
                    KeySourceId::Companion
                };
                let kid = match (blue_keys, known) {
                    (_, false) => "another",
                    (true, true) => "blue-key",
                    (false, true) => "sso-key",
                };
                self.harness.keys(source, kid);
            }
            Event::Wait(millis) => self.harness.wait(Duration::from_millis((*millis).into())),
            Event::Tick => self.harness.tick(),
            Event::EvaluateDue(most) => {
                for id in self.harness.engine.due(*most, self.harness.now) {
                    self.evaluate(id.0);
                }
            }
            Event::EvaluateRefreshed(most) => {
                let calls = self.harness.calls.len();
                for id in self.harness.engine.due_by_refresh(*most) {
                    self.evaluate(id.0);
                }
                assert_eq!(self.harness.calls.len(), calls, "these cause no call");
            }
            Event::DisconnectDue(most) => {
                for id in self.harness.engine.due(*most, self.harness.now) {
                    assert!(self.harness.engine.is_waiting(id));
                    self.disconnect(id.0);
                }
            }
            Event::Disconnects(_) | Event::CallResponse(..) | Event::Fails(_) => {}
        }
        for id in self.harness.requests.keys() {
            let waits = self.harness.engine.is_waiting(RequestId(*id));
            assert_eq!(waits, self.waiting.contains(id), "{id}");
        }
        assert_eq!(self.harness.waiting, self.waiting.len() as i64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_request_is_decided_exactly_once(events in prop::collection::vec(event(), 1..120)) {
        let mut tracker = Tracker {
            harness: Harness::new(),
            waiting: BTreeSet::new(),
            ended: BTreeSet::new(),
        };
        for event in &events {
            tracker.apply(event);
        }
        // No more responses, and time passes.
        for _ in 0..4 {
            tracker.apply(&Event::Wait(2500));
            tracker.apply(&Event::Tick);
            tracker.apply(&Event::EvaluateDue(usize::MAX));
        }
        prop_assert!(tracker.waiting.is_empty(), "{:?}", tracker.waiting);
        prop_assert_eq!(tracker.ended.len(), tracker.harness.requests.len());
    }
}
