//! The log: one line for each event, JSON or text, on standard error.

use std::borrow::Cow;
use std::io::{self, Write};
use std::panic;

use portcullis_core::escape;
use tracing::error;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Format, Log};

#[cfg(test)]
pub(crate) mod captured;
#[cfg(test)]
mod tests;

/// Writes lines with hidden characters escaped, whatever an event quotes. Neither format escapes them
/// all, and a log viewer could take one for the end of the line.
struct EscapedLines<W> {
    output: W,
    escape: fn(&str) -> Cow<'_, str>,
}

/// Starts logging.
pub(crate) fn start(log: Log) {
    let lines = lines(log, io::stderr);
    tracing_subscriber::registry().with(lines).init();
    // The location only: a panic message may quote a secret.
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        error!(location, "panic");
    }));
}

/// The lines of the log. Only Portcullis's own events are written: libraries see cookies, tokens and
/// codes, and log them at some levels.
fn lines<W: Write + 'static>(
    log: Log,
    output: impl Fn() -> W + Send + Sync + 'static,
) -> Box<dyn Layer<Registry> + Send + Sync> {
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), log.level);
    let escape: fn(&str) -> Cow<'_, str> = match log.format {
        Format::Json => escape::json,
        Format::Text => escape::line,
    };
    let writer = move || EscapedLines {
        output: output(),
        escape,
    };
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    match log.format {
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            lines.with_filter(own).boxed()
        }
        Format::Text => lines.with_filter(own).boxed(),
    }
}

// === impl EscapedLines ===

impl<W: Write> Write for EscapedLines<W> {
    /// Writes a whole line: the subscriber writes each with one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        let output = [&*(self.escape)(text), end].concat();
        self.output.write_all(output.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
