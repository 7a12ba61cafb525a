//! Log levels.

use log::Level;
use portcullis_core::policy;

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

/// The number of a log level in Envoy, the same in both of its ABIs.
#[must_use]
pub const fn log_severity(level: Level) -> u32 {
    match level {
        Level::Trace => 0,
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    }
}
