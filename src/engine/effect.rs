//! What an engine asks its adapter to do.

use log::Level;

use crate::call::Call;

/// What the adapter must do. Effects are queued; drain the queue after each event.
#[derive(Debug)]
pub enum Effect {
    /// Make this call, and pass the reply to [`Engine::reply`](crate::Engine::reply).
    Call(Call),
    /// Write a line to the proxy's log.
    Log(Level, String),
}
