//! The signal to shut down.

use tokio::sync::watch;

/// Starts the shutdown of every server that has a [`ShutdownSignal`].
#[derive(Debug)]
pub(crate) struct Shutdown(watch::Sender<bool>);

/// Receives the signal.
#[derive(Clone, Debug)]
pub(crate) struct ShutdownSignal(watch::Receiver<bool>);

impl Shutdown {
    /// A shutdown that has not started, and its signal.
    pub(crate) fn new() -> (Self, ShutdownSignal) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), ShutdownSignal(receiver))
    }

    /// Starts the shutdown.
    pub(crate) fn start(&self) {
        self.0.send_replace(true);
    }
}

impl ShutdownSignal {
    /// Waits for the shutdown. A dropped [`Shutdown`] counts as one.
    pub(crate) async fn received(&mut self) {
        let _ = self.0.wait_for(|started| *started).await;
    }
}
