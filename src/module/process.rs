//! The process as the host of the engine's driver.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use log::Level;
use portcullis_core::trust::KeySourceId;
use portcullis_engine::{Call, Host, TimeAndRandom, Update};

use crate::shared::Shared;
use crate::{abi, cells, clock};

/// The process: shared cells in memory, and calls that the main thread makes after the driver's event,
/// because Envoy's pointers are valid within a hook only.
#[derive(Debug)]
pub(crate) struct Process {
    shared: Arc<Shared>,
    calls: Rc<QueuedCalls>,
}

/// The calls of the driver that must be made, with their tokens.
#[derive(Debug, Default)]
pub(crate) struct QueuedCalls {
    last: Cell<u32>,
    calls: RefCell<VecDeque<(u32, Call)>>,
}

impl Process {
    /// The host of a configuration, and its queue.
    pub(crate) fn new(shared: Arc<Shared>) -> (Self, Rc<QueuedCalls>) {
        let calls = Rc::new(QueuedCalls::default());
        let queue = Rc::clone(&calls);
        (Self { shared, calls }, queue)
    }
}

impl QueuedCalls {
    /// Removes and returns the next call.
    pub(crate) fn next(&self) -> Option<(u32, Call)> {
        self.calls.borrow_mut().pop_front()
    }
}

impl Host for Process {
    fn call(&self, call: &Call) -> Option<u32> {
        let token = self.calls.last.get().wrapping_add(1);
        self.calls.last.set(token);
        let mut calls = self.calls.calls.borrow_mut();
        calls.push_back((token, call.clone()));
        Some(token)
    }

    fn log(&self, level: Level, line: &str) {
        abi::log(level, line);
    }

    fn time_and_random(&self) -> TimeAndRandom {
        TimeAndRandom {
            time: clock::now(),
            random: clock::random(),
        }
    }

    fn read(&self, cell: &str) -> Option<(Vec<u8>, u32)> {
        cells::read(cell)
    }

    fn write(&self, cell: &str, text: &str, over: Option<u32>) -> bool {
        cells::write(cell, text, over)
    }

    fn publish(&self, update: &Update) {
        self.shared.publish(update);
    }

    fn awaits_keys(&self, source: KeySourceId) -> bool {
        self.shared.awaits_keys(source)
    }
}
