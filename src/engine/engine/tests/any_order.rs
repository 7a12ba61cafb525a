//! In any order of events, each request gets a local reply or is forwarded exactly once, unless its client
//! has disconnected.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// An event.
#[derive(Clone, Debug)]
enum Event {
    Arrives(Kind),
    Disconnects(usize),
    /// A response to a call, perhaps a second one.
    CallResponse(usize, u16),
    Fails(usize),
    Keys(bool, bool),
    Wait(u16),
    Tick,
    Settle(usize),
    SettleRefreshed(usize),
    /// Requests are due, and their clients disconnect before they are evaluated.
    DueAndGone(usize),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Known,
    Unknown,
    Session(u8),
    OldSession(u8),
    Nothing,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Known),
        Just(Kind::Unknown),
        (0_u8..3).prop_map(Kind::Session),
        (0_u8..3).prop_map(Kind::OldSession),
        Just(Kind::Nothing),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => kind().prop_map(Event::Arrives),
        2 => any::<usize>().prop_map(Event::Disconnects),
        2 => (any::<usize>(), prop_oneof![Just(200), Just(401), Just(503)])
            .prop_map(|(call, status)| Event::CallResponse(call, status)),
        1 => any::<usize>().prop_map(Event::Fails),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(blue, known)| Event::Keys(blue, known)),
        2 => (0_u16..3000).prop_map(Event::Wait),
        2 => Just(Event::Tick),
        2 => (0_usize..4).prop_map(Event::Settle),
        1 => (0_usize..4).prop_map(Event::SettleRefreshed),
        1 => (1_usize..4).prop_map(Event::DueAndGone),
    ]
}

/// A harness, and the state of each request.
struct Tracker {
    harness: Harness,
    waits: BTreeSet<u64>,
    over: BTreeSet<u64>,
}

impl Tracker {
    fn evaluate(&mut self, id: u64) {
        assert!(!self.over.contains(&id), "{id} is decided or gone");
        let result = self.harness.evaluate(id);
        if result == "wait" {
            self.waits.insert(id);
        } else {
            self.waits.remove(&id);
            self.over.insert(id);
        }
    }

    fn disconnect(&mut self, id: u64) {
        assert_eq!(
            self.harness.engine.request_ended(RequestId(id)),
            self.waits.remove(&id)
        );
        self.harness.drain();
        self.over.insert(id);
    }

    fn happens(&mut self, event: &Event) {
        let calls = self.harness.calls.len();
        match event {
            Event::Arrives(kind) => {
                let headers = match kind {
                    Kind::Known => bearer(&karma("blue-key")),
                    Kind::Unknown => bearer(&karma("unknown")),
                    Kind::Session(number) => cookies(&session(*number, self.harness.now)),
                    Kind::OldSession(number) => cookies(&session(*number, START)),
                    Kind::Nothing => Vec::new(),
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
            Event::Fails(call) if calls > 0 => self.harness.fails(call % calls),
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
            Event::Settle(most) => {
                for id in self.harness.engine.due(*most, self.harness.now) {
                    self.evaluate(id.0);
                }
            }
            Event::SettleRefreshed(most) => {
                let calls = self.harness.calls.len();
                for id in self.harness.engine.due_by_refresh(*most) {
                    self.evaluate(id.0);
                }
                assert_eq!(self.harness.calls.len(), calls, "these cause no call");
            }
            Event::DueAndGone(most) => {
                for id in self.harness.engine.due(*most, self.harness.now) {
                    assert!(self.harness.engine.is_waiting(id));
                    self.disconnect(id.0);
                }
            }
            Event::Disconnects(_) | Event::CallResponse(..) | Event::Fails(_) => {}
        }
        for id in self.harness.requests.keys() {
            let waits = self.harness.engine.is_waiting(RequestId(*id));
            assert_eq!(waits, self.waits.contains(id), "{id}");
        }
        assert_eq!(self.harness.waiting, self.waits.len() as i64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_request_is_decided_exactly_once(events in prop::collection::vec(event(), 1..120)) {
        let mut tracker = Tracker {
            harness: Harness::new(),
            waits: BTreeSet::new(),
            over: BTreeSet::new(),
        };
        for event in &events {
            tracker.happens(event);
        }
        // No more responses, and time passes.
        for _ in 0..4 {
            tracker.happens(&Event::Wait(2500));
            tracker.happens(&Event::Tick);
            tracker.happens(&Event::Settle(usize::MAX));
        }
        prop_assert!(tracker.waits.is_empty(), "{:?}", tracker.waits);
        prop_assert_eq!(tracker.over.len(), tracker.harness.requests.len());
    }
}
