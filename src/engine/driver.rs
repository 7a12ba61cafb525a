//! Performs the effects of an engine and its readers on a proxy, and passes the replies back.

use std::fmt::Debug;

use log::Level;
use portcullis_core::policy::Policy;

use crate::call::{Call, CallId};
use crate::effect::Effect;
use crate::engine::Engine;
use crate::reader::{Cell, Moment, Reader, ReaderEffect, Shared};
use crate::reply::Reply;
use crate::request_id::RequestId;

#[cfg(test)]
mod tests;

/// What a [`Driver`] needs from a proxy.
pub trait Host: Debug {
    /// Makes an HTTP call, and returns the token by which the proxy identifies its reply. `None` if
    /// the call can't be made; the reason is logged.
    fn call(&self, call: &Call) -> Option<u32>;

    /// Writes a line to the proxy's log.
    fn log(&self, level: Level, line: &str);

    /// The time and a random number.
    fn moment(&self) -> Moment;

    /// The text of the shared cell of this name, and its version; `None` if there is none.
    fn read(&self, cell: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes a text to the shared cell of this name, if it still has the version `over`, or
    /// unconditionally if `over` is `None`. Returns whether it was written.
    fn write(&self, cell: &str, text: &str, over: Option<u32>) -> bool;
}

/// The engine and the readers of one worker, and their calls in progress.
#[derive(Debug)]
pub struct Driver<H> {
    /// The engine, which handles requests.
    pub engine: Engine,
    host: H,
    readers: Vec<Reader>,
    calls: Vec<Pending>,
}

/// A call in progress.
#[derive(Debug)]
pub struct Pending {
    token: u32,
    id: CallId,
    /// The index of the reader that made the call; `None` for the engine.
    reader: Option<usize>,
    /// The request during whose event the call was made; its callback gets the reply.
    owner: Option<RequestId>,
    max_body: usize,
}

impl Pending {
    /// The maximum size of the reply's body in bytes. For a longer body, pass `max_body + 1` bytes.
    #[must_use]
    pub const fn max_body(&self) -> usize {
        self.max_body
    }
}

impl<H: Host> Driver<H> {
    /// Starts an engine and its readers with this policy. Writes an initial record for each reader
    /// whose workers share none yet.
    pub fn start(policy: Policy, host: H) -> Self {
        let moment = host.moment();
        let mut driver = Self {
            host,
            readers: Reader::of(&policy, moment),
            engine: Engine::new(policy, moment.time),
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
            let wanted = source.map(|source| self.engine.wanted(source));
            let wanted = wanted.unwrap_or_default();
            self.reader_event(index, |reader, record, moment| {
                reader.tick(record, wanted, moment);
            });
            self.perform_reader_effects(index);
        }
        self.engine.tick(self.host.moment().time);
        self.perform_effects();
    }

    /// Removes and returns the call with this token; `None` if there is none (any more).
    pub fn take_call(&mut self, token: u32) -> Option<Pending> {
        let index = self.calls.iter().position(|call| call.token == token)?;
        Some(self.calls.swap_remove(index))
    }

    /// Handles the reply to a call; `None` if it failed or timed out.
    pub fn reply(&mut self, call: &Pending, reply: Option<&Reply<'_>>) {
        match call.reader {
            Some(index) => {
                self.reader_event(index, |reader, record, moment| {
                    reader.reply(call.id, reply, record, moment);
                });
                self.perform_reader_effects(index);
            }
            None => self.engine.reply(call.id, reply),
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
                        self.engine.reply(call.id, None);
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
        event: impl FnOnce(&mut Reader, Option<Shared<'_>>, Moment),
    ) {
        if let Some(reader) = self.readers.get_mut(index) {
            let record = self.host.read(reader.name(Cell::Record));
            // The clock is read after the record: see `Moment`.
            event(reader, record.as_ref().map(shared), self.host.moment());
        }
    }

    fn perform_reader_effects(&mut self, index: usize) {
        while let Some(reader) = self.readers.get_mut(index)
            && let Some(effect) = reader.next_effect()
        {
            match effect {
                ReaderEffect::Call(call) => {
                    if !self.call(&call, Some(index)) {
                        self.reader_event(index, |reader, record, moment| {
                            reader.reply(call.id, None, record, moment);
                        });
                    }
                }
                ReaderEffect::Keys(source, record) => {
                    for reader in &mut self.readers {
                        reader.update_keys(source, &record);
                    }
                    self.engine.update_keys(source, record);
                }
                ReaderEffect::KeysFetched(source, is_good) => {
                    self.engine.keys_fetched(source, is_good);
                }
                ReaderEffect::Log(level, line) => self.host.log(level, &line),
                ReaderEffect::Owners(issuer, owners) => {
                    self.engine.update_owners(&issuer, owners);
                }
                ReaderEffect::Read(cell) => {
                    let text = self.host.read(reader.name(cell));
                    reader.read(cell, text.as_ref().map(shared), self.host.moment());
                }
                ReaderEffect::Revocations(list, record) => {
                    self.engine.update_revocations(list, record);
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
        self.calls.extend(token.map(|token| Pending {
            token,
            id: call.id,
            reader,
            owner: call.owner,
            max_body: call.max_body,
        }));
        token.is_some()
    }
}

fn shared((text, version): &(Vec<u8>, u32)) -> Shared<'_> {
    Shared {
        text,
        version: *version,
    }
}
