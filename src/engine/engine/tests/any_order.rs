//! In any order of events, each request is answered or forwarded exactly once, unless its client
//! has disconnected.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    Arrives(Kind),
    Leaves(usize),
    /// To a call, perhaps one that was replied to before.
    Reply(usize, u16),
    Fails(usize),
    Keys(bool, bool),
    Wait(u16),
    Tick,
    Settle(usize),
    SettleRefreshed(usize),
    /// Requests are named, and some leave before they are evaluated.
    NamedAndLeft(usize),
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
        2 => any::<usize>().prop_map(Event::Leaves),
        2 => (any::<usize>(), prop_oneof![Just(200), Just(401), Just(503)])
            .prop_map(|(call, status)| Event::Reply(call, status)),
        1 => any::<usize>().prop_map(Event::Fails),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(blue, known)| Event::Keys(blue, known)),
        2 => (0_u16..3000).prop_map(Event::Wait),
        2 => Just(Event::Tick),
        2 => (0_usize..4).prop_map(Event::Settle),
        1 => (0_usize..4).prop_map(Event::SettleRefreshed),
        1 => (1_usize..4).prop_map(Event::NamedAndLeft),
    ]
}

/// A world, and what has become of each request.
struct Watched {
    world: World,
    waits: BTreeSet<u64>,
    over: BTreeSet<u64>,
}

impl Watched {
    fn evaluate(&mut self, id: u64) {
        assert!(!self.over.contains(&id), "{id} is over");
        let said = self.world.evaluate(id);
        if said == "wait" {
            self.waits.insert(id);
        } else {
            self.waits.remove(&id);
            self.over.insert(id);
        }
    }

    fn leave(&mut self, id: u64) {
        assert_eq!(
            self.world.engine.gone(RequestId(id)),
            self.waits.remove(&id)
        );
        self.world.drain();
        self.over.insert(id);
    }

    fn happens(&mut self, event: &Event) {
        let calls = self.world.calls.len();
        match event {
            Event::Arrives(kind) => {
                let headers = match kind {
                    Kind::Known => bearer(&karma("blue-key")),
                    Kind::Unknown => bearer(&karma("unknown")),
                    Kind::Session(number) => cookies(&session(*number, self.world.now)),
                    Kind::OldSession(number) => cookies(&session(*number, START)),
                    Kind::Nothing => Vec::new(),
                };
                let id = self.world.requests.len() as u64;
                self.world.requests.insert(id, headers);
                self.evaluate(id);
            }
            Event::Leaves(which) if !self.world.requests.is_empty() => {
                self.leave((which % self.world.requests.len()) as u64);
            }
            Event::Reply(call, status) if calls > 0 => {
                let line = format!("__Secure-portcullis={}; Path=/", session(1, self.world.now));
                self.world.reply(call % calls, *status, &[&line]);
            }
            Event::Fails(call) if calls > 0 => self.world.fails(call % calls),
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
                self.world.keys(source, kid);
            }
            Event::Wait(millis) => self.world.wait(Duration::from_millis((*millis).into())),
            Event::Tick => self.world.tick(),
            Event::Settle(most) => {
                for id in self.world.engine.due(*most, self.world.now) {
                    self.evaluate(id.0);
                }
            }
            Event::SettleRefreshed(most) => {
                let calls = self.world.calls.len();
                for id in self.world.engine.due_by_refresh(*most) {
                    self.evaluate(id.0);
                }
                assert_eq!(self.world.calls.len(), calls, "these lead to no call");
            }
            Event::NamedAndLeft(most) => {
                for id in self.world.engine.due(*most, self.world.now) {
                    assert!(self.world.engine.is_waiting(id));
                    self.leave(id.0);
                }
            }
            Event::Leaves(_) | Event::Reply(..) | Event::Fails(_) => {}
        }
        for id in self.world.requests.keys() {
            let waits = self.world.engine.is_waiting(RequestId(*id));
            assert_eq!(waits, self.waits.contains(id), "{id}");
        }
        assert_eq!(self.world.waiting, self.waits.len() as i64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_request_is_over_exactly_once(events in prop::collection::vec(event(), 1..120)) {
        let mut watched = Watched {
            world: World::new(),
            waits: BTreeSet::new(),
            over: BTreeSet::new(),
        };
        for event in &events {
            watched.happens(event);
        }
        // No reply comes any more, and time goes by.
        for _ in 0..4 {
            watched.happens(&Event::Wait(2500));
            watched.happens(&Event::Tick);
            watched.happens(&Event::Settle(usize::MAX));
        }
        prop_assert!(watched.waits.is_empty(), "{:?}", watched.waits);
        prop_assert_eq!(watched.over.len(), watched.world.requests.len());
    }
}
