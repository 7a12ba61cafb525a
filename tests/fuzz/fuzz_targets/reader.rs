//! The readers of keys and revocations: with any shared texts, any responses and any order of events
//! the last valid keys stay, and what is shared can be read.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portcullis_core::keys::{KeyOwners, KeyRecord, KeySet};
use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::timestamp::Timestamp;
use portcullis_engine::{
    Call, CallResponse, CellContent, CellId, FetchTriggers, Reader, ReaderEffect, TimeAndRandom,
    Update,
};
use portcullis_fuzz::sample::{NOW, key_set, policy};

#[derive(Arbitrary, Debug)]
struct Input {
    /// Which reader.
    which: u8,
    events: Vec<Event>,
}

#[derive(Arbitrary, Debug)]
enum Event {
    Start,
    Tick {
        wanted: bool,
    },
    Look {
        list: bool,
    },
    CallResponse {
        status: Status,
        kind: ContentType,
        body: Body,
    },
    Fails,
    /// Another program writes into the shared cell.
    Overwrite {
        list: bool,
        text: Text,
    },
    /// The cell is emptied.
    Empty {
        list: bool,
    },
    /// Time passes, in tenths of a second; or the clock steps back.
    Wait(u16),
    StepBack(u16),
}

#[derive(Arbitrary, Debug)]
enum Status {
    Ok,
    NotModified,
    Unavailable,
    Other(u16),
}

#[derive(Arbitrary, Debug)]
enum ContentType {
    Json,
    JwkSet,
    Html,
    Missing,
}

#[derive(Arbitrary, Debug)]
enum Body {
    Keys(u8),
    Discovery(u8),
    Mirror { trust: u8, kid: u8 },
    Revocations(u16),
    Raw(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Text {
    /// What is there with one byte changed.
    Edited {
        at: u16,
        byte: u8,
    },
    Raw(Vec<u8>),
}

static POLICY: LazyLock<Policy> = LazyLock::new(policy);

/// One of the two cells of a reader.
#[derive(Default)]
struct SharedText {
    text: Option<Vec<u8>>,
    version: u32,
}

impl SharedText {
    fn shared(&self) -> Option<CellContent<'_>> {
        let text = self.text.as_deref()?;
        Some(CellContent {
            text,
            version: self.version,
        })
    }

    fn put(&mut self, text: Option<Vec<u8>>) {
        self.text = text;
        self.version += 1;
    }
}

struct World {
    reader: Reader,
    record: SharedText,
    list: SharedText,
    now: Timestamp,
    calls: Vec<Call>,
    /// The last keys that the reader has passed on.
    keys: Option<KeySet>,
    /// Another program has written into the shared cell.
    is_overwritten: bool,
    random: u64,
}

impl World {
    fn time_and_random(&mut self) -> TimeAndRandom {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        TimeAndRandom {
            time: self.now,
            random: self.random,
        }
    }

    fn drain(&mut self) {
        // Each event causes a few effects, and each of them a few more.
        for _ in 0..100 {
            let Some(effect) = self.reader.next_effect() else {
                return;
            };
            match effect {
                ReaderEffect::Call(call) => self.called(call),
                ReaderEffect::Update(Update::Keys(source, record)) => {
                    assert_eq!(Some(source), self.reader.source());
                    self.keys = record.set().cloned();
                }
                ReaderEffect::KeysFetched(source, _) => {
                    assert_eq!(Some(source), self.reader.source())
                }
                ReaderEffect::Log(_, line) => assert!(!line.contains(char::is_control), "{line:?}"),
                ReaderEffect::Read(cell) => self.look(cell),
                ReaderEffect::Update(Update::Owners(..)) => assert!(self.is_of_owners()),
                ReaderEffect::Update(Update::Revocations(list, _)) => {
                    assert!(list.len() <= Revocations::MAX_ENTRIES)
                }
                ReaderEffect::Write { cell, text, over } => self.write(cell, text, over),
            }
        }
        panic!("effects without end");
    }

    /// Whether the reader updates who owns the keys of an issuer.
    fn is_of_owners(&self) -> bool {
        self.reader.name(CellId::Record).contains("/owners/")
    }

    fn called(&mut self, call: Call) {
        let header = |name: &str| {
            let mut named = call.headers.iter().filter(|(own, _)| *own == name);
            named.next().map(|(_, value)| value.as_str()).expect(name)
        };
        assert_eq!((header(":method"), header(":scheme")), ("GET", "https"));
        assert!(header(":path").starts_with('/'));
        for (name, value) in &call.headers {
            assert!(
                value
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' '),
                "{name}"
            );
        }
        self.calls.push(call);
    }

    fn write(&mut self, cell: CellId, text: String, over: Option<u32>) {
        let is_of_owners = self.is_of_owners();
        let target = match cell {
            CellId::Record => &mut self.record,
            CellId::List => &mut self.list,
        };
        let is_due = over.is_none_or(|version| version == target.version && target.text.is_some());
        match (cell, self.reader.source()) {
            (CellId::Record, Some(_)) => {
                let record = KeyRecord::from_text(text.as_bytes()).expect("a record");
                assert_eq!(record.to_text(), text, "written the same");
            }
            (CellId::Record, None) if is_of_owners => {
                let owners = KeyOwners::from_text(text.as_bytes()).expect("owners");
                assert_eq!(owners.to_text(), text, "written the same");
            }
            (CellId::Record, None) => {
                let record = RevocationsRecord::from_text(text.as_bytes()).expect("a record");
                assert_eq!(record.to_text(), text, "written the same");
            }
            (CellId::List, _) => {
                let list = Revocations::parse(text.as_bytes()).expect("a list");
                assert_eq!(list.to_json(), text, "written the same");
            }
        }
        if is_due {
            target.put(Some(text.into_bytes()));
        }
        self.reader.written(is_due);
    }

    fn look(&mut self, cell: CellId) {
        let now = self.time_and_random();
        let shared = match cell {
            CellId::Record => self.record.shared(),
            CellId::List => self.list.shared(),
        };
        self.reader.read(cell, shared, now);
    }

    fn handle_response(&mut self, status: Status, kind: ContentType, body: Body) {
        let Some(call) = self.calls.last() else {
            return;
        };
        let status = match status {
            Status::Ok => 200,
            Status::NotModified => 304,
            Status::Unavailable => 503,
            Status::Other(number) => number,
        };
        let status = status.to_string();
        let kind: Option<&[u8]> = match kind {
            ContentType::Json => Some(b"application/json"),
            ContentType::JwkSet => Some(b"application/jwk-set+json; charset=utf-8"),
            ContentType::Html => Some(b"text/html"),
            ContentType::Missing => None,
        };
        let issuers = [
            "https://gitlab.example.com",
            "https://old.example.com",
            "https://evil.example",
        ];
        let body = match body {
            Body::Keys(kid) => key_set(&kid.to_string()).to_json().into_bytes(),
            Body::Discovery(which) => format!(
                r#"{{"issuer":"{}","jwks_uri":"https://gitlab.example.com/keys"}}"#,
                issuers[usize::from(which) % issuers.len()]
            )
            .into_bytes(),
            Body::Mirror { trust, kid } => format!(
                r#"{{"trust":"{}","issuer":"{}","source":"https://x.example","fetched_at":{},"keys":{}}}"#,
                ["gitlab", "blue", "sso"][usize::from(trust) % 3],
                issuers[usize::from(trust / 3) % issuers.len()],
                self.now.secs(),
                key_set(&kid.to_string()).to_json(),
            )
            .into_bytes(),
            Body::Revocations(floor) => {
                format!(r#"{{"version":1,"floor":{floor},"entries":[]}}"#).into_bytes()
            }
            Body::Raw(bytes) => bytes,
        };
        let mut fields = vec![(&b":status"[..], status.as_bytes())];
        fields.extend(kind.map(|kind| (&b"content-type"[..], kind)));
        let headers = Headers::new(fields);
        let body = &body[..body.len().min(call.max_body + 1)];
        let response = CallResponse {
            headers: &headers,
            body,
        };
        let id = call.id;
        let is_good = status == "200" && KeySet::parse(body, None).is_ok();
        let before = self.keys.clone();
        let now = self.time_and_random();
        self.reader
            .handle_response(id, Some(&response), self.record.shared(), now);
        self.drain();
        if !is_good && before.is_some() && !self.is_overwritten {
            assert!(self.keys.is_some(), "the keys are lost");
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Start => self.reader.start(self.record.shared()),
            Event::Tick { wanted } => {
                let now = self.time_and_random();
                let wanted = FetchTriggers {
                    by_request: wanted,
                    ..FetchTriggers::default()
                };
                self.reader.tick(self.record.shared(), wanted, now);
            }
            Event::Look { list } => self.look(if list { CellId::List } else { CellId::Record }),
            Event::CallResponse { status, kind, body } => self.handle_response(status, kind, body),
            Event::Fails => {
                if let Some(call) = self.calls.last() {
                    let id = call.id;
                    let now = self.time_and_random();
                    self.reader
                        .handle_response(id, None, self.record.shared(), now);
                }
            }
            Event::Overwrite { list, text } => {
                self.is_overwritten = true;
                let target = if list {
                    &mut self.list
                } else {
                    &mut self.record
                };
                let text = match text {
                    Text::Raw(bytes) => Some(bytes),
                    Text::Edited { at, byte } => target.text.clone().map(|mut text| {
                        let at = usize::from(at) % text.len().max(1);
                        if let Some(place) = text.get_mut(at) {
                            *place = byte;
                        }
                        text
                    }),
                };
                target.put(text);
            }
            Event::Empty { list } => {
                let target = if list {
                    &mut self.list
                } else {
                    &mut self.record
                };
                target.put(None);
            }
            Event::Wait(tenths) => {
                self.now = self
                    .now
                    .after(Duration::from_millis(100 * u64::from(tenths)));
            }
            Event::StepBack(tenths) => {
                self.now = self
                    .now
                    .before(Duration::from_millis(100 * u64::from(tenths)));
            }
        }
        self.drain();
    }
}

fuzz_target!(|input: Input| {
    let now = TimeAndRandom {
        time: NOW,
        random: 7,
    };
    let mut readers = Reader::of(&POLICY, now);
    let which = usize::from(input.which) % readers.len();
    let mut world = World {
        reader: readers.swap_remove(which),
        record: SharedText::default(),
        list: SharedText::default(),
        now: NOW,
        calls: Vec::new(),
        keys: None,
        is_overwritten: false,
        random: 7,
    };
    for event in input.events.into_iter().take(60) {
        world.apply(event);
    }
});
