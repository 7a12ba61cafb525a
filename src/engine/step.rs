//! The next step for a request.

use log::Level;
use portcullis_core::outcome::Outcome;
use portcullis_core::policy;

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

/// Converts a log level of the policy.
#[must_use]
pub const fn log_level(level: policy::Level) -> Level {
    match level {
        policy::Level::Debug => Level::Debug,
        policy::Level::Error => Level::Error,
        policy::Level::Info => Level::Info,
        policy::Level::Warn => Level::Warn,
    }
}
