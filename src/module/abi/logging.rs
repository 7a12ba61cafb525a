//! Envoy's log, from any thread.

use log::Level;
use portcullis_core::escape;
use portcullis_engine::log_severity;

use super::Buffer;
use super::callbacks::{
    envoy_dynamic_module_callback_log, envoy_dynamic_module_callback_log_enabled,
};

/// Whether Envoy's log level includes this level, so that other messages need not be formatted.
pub(crate) fn is_logged(level: Level) -> bool {
    // SAFETY: no memory is passed.
    unsafe { envoy_dynamic_module_callback_log_enabled(log_severity(level)) }
}

/// Writes a line to Envoy's log, escaped, because Envoy writes it unchanged.
pub(crate) fn log(level: Level, line: &str) {
    let line = escape::json(line);
    // SAFETY: the bytes outlive the call.
    unsafe { envoy_dynamic_module_callback_log(log_severity(level), Buffer::of(line.as_bytes())) }
}
