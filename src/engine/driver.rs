//! Performs the effects of an engine and its readers on a proxy, and passes the responses back.

use std::fmt::Debug;

use log::Level;
use portcullis_core::policy::Policy;
use portcullis_core::trust::KeySourceId;

use crate::call::{Call, CallId};
use crate::call_response::CallResponse;
use crate::effect::Effect;
use crate::engine::Engine;
use crate::reader::{CellContent, CellId, Reader, ReaderEffect, TimeAndRandom};
use crate::request_id::RequestId;
use crate::update::Update;

#[cfg(test)]
mod tests;

/// What a [`Driver`] needs from a proxy.
pub trait Host: Debug {
    /// Makes an HTTP call, and returns the token by which the proxy identifies its response. `None` if
    /// the call can't be made; the reason is logged.
    fn call(&self, call: &Call) -> Option<u32>;

    /// Writes a line to the proxy's log.
    fn log(&self, level: Level, line: &str);

    /// The time and a random number.
    fn time_and_random(&self) -> TimeAndRandom;

    /// The text of the shared cell of this name, and its version; `None` if there is none.
    fn read(&self, cell: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes a text to the shared cell of this name, if it still has the version `over`, or
    /// unconditionally if `over` is `None`. Returns whether it was written.
    fn write(&self, cell: &str, text: &str, over: Option<u32>) -> bool;

    /// Passes an update to other engines than the driver's, where one driver has the readers for all
    /// workers.
    fn publish(&self, _update: &Update) {}

    /// Whether a request of another engine than the driver's waits for the keys of this source.
    fn awaits_keys(&self, _source: KeySourceId) -> bool {
        false
    }
}

/// The engine and the readers of one worker, and their calls in progress.
#[derive(Debug)]
pub struct Driver<H> {
    /// The engine, which handles requests.
    pub engine: Engine,
    host: H,
    readers: Vec<Reader>,
    calls: Vec<PendingCall>,
}

/// A call in progress.
#[derive(Debug)]
pub struct PendingCall {
    token: u32,
    id: CallId,
    /// The index of the reader that made the call; `None` for the engine.
    reader: Option<usize>,
    /// The request during whose event the call was made; its callback gets the response.
    owner: Option<RequestId>,
    max_body: usize,
}

impl PendingCall {
    /// The maximum size of the response's body in bytes. For a longer body, pass `max_body + 1` bytes.
    #[must_use]
    pub const fn max_body(&self) -> usize {
        self.max_body
    }
}

impl<H: Host> Driver<H> {
    /// Starts an engine and its readers with this policy. Writes an initial record for each reader
    /// whose workers share none yet.
    pub fn start(policy: Policy, host: H) -> Self {
        let now = host.time_and_random();
        let mut driver = Self {
            host,
            readers: Reader::of(&policy, now),
            engine: Engine::new(policy, now.time),
            calls: Vec::new(),
        };
        for index in 0..driver.readers.len() {
            driver.reader_event(index, |reader, record, _| reader.start(record));
            driver.perform_reader_effects(index);
        }
        driver
    }

    /// Handles the tick: reads what other workers have shared, starts the fetches that are due, and
    /// times out requests.
    pub fn tick(&mut self) {
        for index in 0..self.readers.len() {
            let source = self.readers.get(index).and_then(Reader::source);
            let triggers = source.map(|source| {
                let mut triggers = self.engine.fetch_triggers(source);
                triggers.by_request |= self.host.awaits_keys(source);
                triggers
            });
            let triggers = triggers.unwrap_or_default();
            self.reader_event(index, |reader, record, now| {
                reader.tick(record, triggers, now);
            });
            self.perform_reader_effects(index);
        }
        self.engine.tick(self.host.time_and_random().time);
        self.perform_effects();
    }

    /// Removes and returns the call with this token; `None` if there is none (any more).
    pub fn take_call(&mut self, token: u32) -> Option<PendingCall> {
        let index = self.calls.iter().position(|call| call.token == token)?;
        Some(self.calls.swap_remove(index))
    }

    /// Handles the response to a call; `None` if it failed or timed out.
    pub fn handle_response(&mut self, call: &PendingCall, response: Option<&CallResponse<'_>>) {
        match call.reader {
            Some(index) => {
                self.reader_event(index, |reader, record, now| {
                    reader.handle_response(call.id, response, record, now);
                });
                self.perform_reader_effects(index);
            }
            None => self.engine.handle_response(call.id, response),
        }
    }

    /// Removes a request that has ended, and the calls that it owns. Returns whether it waited.
    pub fn request_ended(&mut self, id: RequestId) -> bool {
        self.calls.retain(|call| call.owner != Some(id));
        self.engine.request_ended(id)
    }

    /// Performs the engine's queued effects, and returns whether every call could be made.
    pub fn perform_effects(&mut self) -> bool {
        let mut all_made = true;
        while let Some(effect) = self.engine.next_effect() {
            match effect {
                Effect::Log(level, line) => self.host.log(level, &line),
                Effect::Call(call) => {
                    if !self.call(&call, None) {
                        self.engine.handle_response(call.id, None);
                        all_made = false;
                    }
                }
            }
        }
        all_made
    }

    /// Passes an event with the current record to a reader. Its effects are queued.
    fn reader_event(
        &mut self,
        index: usize,
        event: impl FnOnce(&mut Reader, Option<CellContent<'_>>, TimeAndRandom),
    ) {
        if let Some(reader) = self.readers.get_mut(index) {
            let record = self.host.read(reader.name(CellId::Record));
            // The clock is read after the record: see `TimeAndRandom`.
            event(
                reader,
                record.as_ref().map(shared),
                self.host.time_and_random(),
            );
        }
    }

    fn perform_reader_effects(&mut self, index: usize) {
        while let Some(reader) = self.readers.get_mut(index)
            && let Some(effect) = reader.next_effect()
        {
            match effect {
                ReaderEffect::Call(call) => {
                    if !self.call(&call, Some(index)) {
                        self.reader_event(index, |reader, record, now| {
                            reader.handle_response(call.id, None, record, now);
                        });
                    }
                }
                ReaderEffect::KeysFetched(source, has_succeeded) => {
                    self.engine.keys_fetched(source, has_succeeded);
                }
                ReaderEffect::Log(level, line) => self.host.log(level, &line),
                ReaderEffect::Read(cell) => {
                    let text = self.host.read(reader.name(cell));
                    reader.read(cell, text.as_ref().map(shared), self.host.time_and_random());
                }
                ReaderEffect::Update(update) => {
                    if let Update::Keys(source, record) = &update {
                        for reader in &mut self.readers {
                            reader.update_keys(*source, record);
                        }
                    }
                    self.host.publish(&update);
                    self.engine.update(update);
                }
                ReaderEffect::Write { cell, text, over } => {
                    let is_written = self.host.write(reader.name(cell), &text, over);
                    reader.written(is_written);
                }
            }
        }
    }

    /// Makes a call, and returns whether it could be made.
    fn call(&mut self, call: &Call, reader: Option<usize>) -> bool {
        let token = self.host.call(call);
        self.calls.extend(token.map(|token| PendingCall {
            token,
            id: call.id,
            reader,
            owner: call.owner,
            max_body: call.max_body,
        }));
        token.is_some()
    }
}

fn shared((text, version): &(Vec<u8>, u32)) -> CellContent<'_> {
    CellContent {
        text,
        version: *version,
    }
}
