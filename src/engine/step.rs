//! What becomes of a request now.

use log::Level;
use portcullis_core::decision::Outcome;
use portcullis_core::policy;

/// What becomes of a request now.
#[derive(Debug)]
#[must_use]
pub enum Step<'e> {
    /// It is forwarded or answered.
    Decided(Outcome<'e>),
    /// It waits: nothing of it is forwarded until [`crate::Engine::due`] or
    /// [`crate::Engine::due_by_refresh`] names it and it is judged again.
    Wait,
}

/// A level of the policy as loggers know it.
#[must_use]
pub const fn log_level(level: policy::Level) -> Level {
    match level {
        policy::Level::Debug => Level::Debug,
        policy::Level::Error => Level::Error,
        policy::Level::Info => Level::Info,
        policy::Level::Warn => Level::Warn,
    }
}
