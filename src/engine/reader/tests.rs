use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::policy::Policy;
use portcullis_core::request::Headers;
use portcullis_core::session::{Id, Revocations, RevocationsRecord, Revoked};

use super::*;
use crate::fixtures::{START, jwks, policy};

mod keys;
mod revocations;

/// The shared data of all workers.
#[derive(Default)]
struct Cells {
    cells: BTreeMap<String, (Vec<u8>, u32)>,
    last_version: u32,
}

/// One worker's readers, and their effects.
struct Worker {
    readers: Vec<Reader>,
    /// The calls without a response, each with the index of its reader.
    calls: Vec<(usize, Call)>,
    keys: Option<Arc<KeyRecord>>,
    list: Arc<Revocations>,
    fetches: Vec<bool>,
    log: Vec<String>,
    /// The entity tag of responses.
    etag: Option<&'static str>,
}

/// The indices of the readers of the fixture policy.
const BLUE: usize = 0;
const REVOCATIONS: usize = 2;

impl Cells {
    fn get(&self, name: &str) -> Option<CellContent<'_>> {
        let (text, version) = self.cells.get(name)?;
        let version = *version;
        Some(CellContent { text, version })
    }

    fn write(&mut self, name: &str, text: &str, over: Option<u32>) -> bool {
        let now = self.cells.get(name).map(|(_, version)| *version);
        // As in Envoy, the version is ignored for a key that does not exist.
        if over.is_some() && now.is_some() && over != now {
            return false;
        }
        self.last_version += 1;
        let cell = (text.as_bytes().to_vec(), self.last_version);
        self.cells.insert(name.to_owned(), cell);
        true
    }

    /// The text of the cell whose name has this start and end.
    fn text(&self, start: &str, end: &str) -> &str {
        let mut cells = self.cells.iter();
        let (_, (text, _)) = cells
            .find(|(name, _)| name.starts_with(start) && name.ends_with(end))
            .unwrap();
        std::str::from_utf8(text).unwrap()
    }
}

fn at(time: Timestamp) -> TimeAndRandom {
    TimeAndRandom {
        time,
        random: time.millis(),
    }
}

impl Worker {
    fn new(number: u64, policy: &Policy) -> Self {
        let now = TimeAndRandom {
            time: START,
            random: number,
        };
        Self {
            readers: Reader::of(policy, now),
            calls: Vec::new(),
            keys: None,
            list: Arc::default(),
            fetches: Vec::new(),
            log: Vec::new(),
            etag: None,
        }
    }

    /// Two workers of one proxy, started one after the other.
    fn two() -> (Cells, Self, Self) {
        let (mut cells, policy) = (Cells::default(), policy());
        let mut one = Self::new(1, &policy);
        one.start(&mut cells);
        let mut two = Self::new(2, &policy);
        two.start(&mut cells);
        (cells, one, two)
    }

    fn start(&mut self, cells: &mut Cells) {
        for place in 0..self.readers.len() {
            let reader = &mut self.readers[place];
            let record = cells.get(reader.name(CellId::Record));
            reader.start(record);
            self.drain(place, cells, START);
        }
    }

    /// A tick of the reader with this index.
    fn tick(&mut self, place: usize, wanted: bool, cells: &mut Cells, now: Timestamp) {
        let reader = &mut self.readers[place];
        let record = cells.get(reader.name(CellId::Record));
        let triggers = FetchTriggers {
            by_request: wanted,
            by_new_key: false,
        };
        reader.tick(record, triggers, at(now));
        self.drain(place, cells, now);
    }

    /// The response to the first call, with this status and body; `None` for a call that failed.
    fn handle_response(
        &mut self,
        response: Option<(u16, &str)>,
        cells: &mut Cells,
        now: Timestamp,
    ) {
        let (place, call) = self.calls.remove(0);
        self.respond_to(place, call.id, response, cells, now);
    }

    fn respond_to(
        &mut self,
        place: usize,
        call: CallId,
        response: Option<(u16, &str)>,
        cells: &mut Cells,
        now: Timestamp,
    ) {
        let (status, body) = response.unwrap_or_default();
        let status = status.to_string();
        let mut headers = vec![
            (&b":status"[..], status.as_bytes()),
            (b"content-type", b"application/json"),
        ];
        headers.extend(self.etag.map(|etag| (&b"etag"[..], etag.as_bytes())));
        let headers = Headers::new(headers);
        let response = response.map(|_| CallResponse {
            headers: &headers,
            body: body.as_bytes(),
        });
        let reader = &mut self.readers[place];
        let record = cells.get(reader.name(CellId::Record));
        reader.handle_response(call, response.as_ref(), record, at(now));
        self.drain(place, cells, now);
    }

    fn drain(&mut self, place: usize, cells: &mut Cells, now: Timestamp) {
        while let Some(effect) = self.readers[place].next_effect() {
            let reader = &mut self.readers[place];
            match effect {
                ReaderEffect::Call(call) => self.calls.push((place, call)),
                ReaderEffect::KeysFetched(_, has_succeeded) => self.fetches.push(has_succeeded),
                ReaderEffect::Log(_, line) => self.log.push(line),
                ReaderEffect::Read(cell) => {
                    let shared = cells.get(reader.name(cell));
                    reader.read(cell, shared, at(now));
                }
                ReaderEffect::Update(Update::Keys(_, record)) if place == BLUE => {
                    self.keys = Some(record);
                }
                ReaderEffect::Update(Update::Revocations(list, _)) => self.list = list,
                ReaderEffect::Update(Update::Keys(..) | Update::Owners(..)) => {}
                ReaderEffect::Write { cell, text, over } => {
                    let is_done = cells.write(reader.name(cell), &text, over);
                    reader.written(is_done);
                }
            }
        }
    }

    /// The ids of blue's keys on this worker.
    fn kids(&self) -> Vec<&str> {
        let set = self.keys.as_ref().and_then(|record| record.set());
        let keys = set.map_or(&[][..], |set| set.keys());
        keys.iter().filter_map(|key| key.kid()).collect()
    }
}
