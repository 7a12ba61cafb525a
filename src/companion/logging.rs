//! The log: one line for each event, JSON or text, on standard error.

use std::io;
use std::panic;

use tracing::error;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::config::{Format, Log};

/// Starts logging. Only Portcullis's own events are written: libraries see cookies, tokens and codes,
/// and log them at some levels.
pub(crate) fn start(log: Log) {
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), log.level);
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
    let registry = tracing_subscriber::registry();
    match log.format {
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            registry.with(lines.with_filter(own)).init();
        }
        Format::Text => registry.with(lines.with_filter(own)).init(),
    }
    // The location only: a panic message may quote a secret.
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        error!(location, "panic");
    }));
}
