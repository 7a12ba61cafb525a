//! The next step for a request.

use portcullis_core::outcome::Outcome;

/// The next step for a request.
#[derive(Debug)]
#[must_use]
pub enum Step<'e> {
    /// Forward the request or send a local reply.
    Decided(Outcome<'e>),
    /// Hold the request until [`crate::Engine::due`] or [`crate::Engine::due_by_refresh`] returns
    /// it, then evaluate it again.
    Wait,
}
