//! What an engine asks its adapter to do.

use log::Level;

use crate::call::Call;

/// What the adapter must do. Effects are queued; drain the queue after each event.
#[derive(Debug)]
pub enum Effect {
    /// Make this call, and pass the response to [`Engine::handle_response`](crate::Engine::handle_response).
    Call(Call),
    /// Write a line to the proxy's log.
    Log(Level, String),
}
