//! The signals of commands that run until they are stopped.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::document::Report;

/// SIGTERM, SIGINT and SIGQUIT, which have the same effect, and SIGHUP, which has none.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on the signals no longer end the process at once. `command` is the name in errors.
    pub(crate) fn new(command: &str) -> Result<Self, Report> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let problem = format!("can't install a signal handler: {error}");
                Report::of(command, &problem, "raise the limit on file descriptors")
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal that ends the process. Service managers send SIGHUP for a reload, and files are
    /// reloaded without it.
    pub(crate) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.quit.recv() => return,
                _ = self.hangup.recv() => {
                    info!("SIGHUP has no effect: files are reloaded when they change");
                }
            }
        }
    }
}
