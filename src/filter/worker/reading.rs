//! Passes cells, replies and the time to the readers, and performs their effects.

use log::Level;
use portcullis_engine::{CallId, Cell, Reader, ReaderEffect, Reply, Shared};

use super::{Worker, moment};
use crate::host;

impl Worker {
    /// Writes an initial record for each reader whose workers share none yet.
    pub(super) fn start_readers(&mut self) {
        for index in 0..self.readers.len() {
            if let Some(reader) = self.readers.get_mut(index) {
                let record = read(reader, Cell::Record);
                reader.start(record.as_ref().map(shared));
            }
            self.carry_out_readings(index);
        }
    }

    /// Reads what other workers have shared, and starts the fetches that are due.
    pub(super) fn tick_readers(&mut self) {
        for index in 0..self.readers.len() {
            if let Some(reader) = self.readers.get_mut(index) {
                let source = reader.source();
                let wanted = source.is_some_and(|source| self.engine.wants_keys(source));
                let record = read(reader, Cell::Record);
                reader.tick(record.as_ref().map(shared), wanted, moment());
            }
            self.carry_out_readings(index);
        }
    }

    /// Passes a reply to the reader that made the call; `None` if the call failed.
    pub(super) fn reader_reply(&mut self, index: usize, call: CallId, reply: Option<&Reply<'_>>) {
        if let Some(reader) = self.readers.get_mut(index) {
            let record = read(reader, Cell::Record);
            reader.reply(call, reply, record.as_ref().map(shared), moment());
        }
        self.carry_out_readings(index);
    }

    fn carry_out_readings(&mut self, index: usize) {
        while let Some(reader) = self.readers.get_mut(index)
            && let Some(effect) = reader.next_effect()
        {
            match effect {
                ReaderEffect::Call(call) => {
                    if !self.send(&call, Some(index)) {
                        return self.reader_reply(index, call.id, None);
                    }
                }
                ReaderEffect::Keys(source, record) => self.engine.keys(source, record),
                ReaderEffect::KeysRead(source, good) => self.engine.keys_were_read(source, good),
                ReaderEffect::Log(level, line) => host::log(level, &line),
                ReaderEffect::Look(cell) => {
                    let text = read(reader, cell);
                    reader.look(cell, text.as_ref().map(shared), moment());
                }
                ReaderEffect::Revocations(list, record) => self.engine.revocations(list, record),
                ReaderEffect::Write { cell, text, over } => {
                    let is_written = write(reader.name(cell), &text, over);
                    reader.written(is_written);
                }
            }
        }
    }
}

/// The content of a cell, with its version. Every plugin with the same `vm_id` can write it, so
/// readers treat it like data from the network.
fn read(reader: &Reader, cell: Cell) -> Option<(Vec<u8>, u32)> {
    host::shared_data(reader.name(cell).as_bytes()).ok()
}

fn shared((text, version): &(Vec<u8>, u32)) -> Shared<'_> {
    Shared {
        text,
        version: *version,
    }
}

/// Writes a text, over a version or unconditionally. `false` means that another worker was faster,
/// or that the host refused.
///
/// Envoy ignores the version of a key that does not exist yet, so two workers can both create one:
/// readers write an initial record without a version, and compete for the next.
fn write(name: &str, text: &str, over: Option<u32>) -> bool {
    const UNCONDITIONAL: u32 = 0;
    let over = over.unwrap_or(UNCONDITIONAL);
    match host::set_shared_data(name.as_bytes(), text.as_bytes(), over) {
        Ok(()) => true,
        Err(host::Error::CasMismatch) => false,
        Err(error) => {
            let line =
                format!("portcullis: {name}: nothing can be shared between workers: {error}");
            host::log(Level::Error, &line);
            false
        }
    }
}
