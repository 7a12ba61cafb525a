//! The ticks of a configuration.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use portcullis_engine::TICK;

use crate::abi::Event;
use crate::shared::Shared;

/// A thread that schedules a tick on the main thread at once, and then with this period, because Envoy
/// has no timers for configurations. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Timer {
    /// `None` once the thread must end.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Timer {
    /// Starts the ticks.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (running, end) = mpsc::channel();
        let tick = move || {
            loop {
                shared.schedule(Event::Tick);
                match end.recv_timeout(TICK) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        let thread = thread::Builder::new().name("portcullis-timer".to_owned());
        Ok(Self {
            running: Some(running),
            thread: Some(thread.spawn(tick)?),
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.running = None;
        // Envoy destroys the configuration on this very thread, if it drops it while a tick is scheduled.
        let is_other = |thread: &JoinHandle<()>| thread.thread().id() != thread::current().id();
        if let Some(thread) = self.thread.take().filter(is_other) {
            // It does not panic, and never waits for longer than it takes to schedule a tick.
            let _ended = thread.join();
        }
    }
}
