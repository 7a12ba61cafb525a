//! The word that the companion is to stop.

use tokio::sync::watch;

/// Gives the word, once, to all that have a [`Stop`].
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Hears the word.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// One that has not given the word yet, and one that hears it.
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Gives the word.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for the word. Who could give it being gone is the same.
    pub(crate) async fn told(&mut self) {
        let _ = self.0.wait_for(|told| *told).await;
    }
}
