//! The log: one line for each event, JSON or text, on standard error.

use std::io::{self, Write};
use std::panic;

use tracing::error;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::config::{Format, Log};
use crate::printable::escaped;

#[cfg(test)]
mod tests;

/// Writes lines with unprintable characters escaped, whatever an event quotes. Neither format escapes them
/// all, and a log viewer could take one for the end of the line.
struct Escaped<W>(W);

/// Starts logging.
pub(crate) fn start(log: Log) {
    let lines = lines(log, || Escaped(io::stderr()));
    tracing_subscriber::registry().with(lines).init();
    // The location only: a panic message may quote a secret.
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        error!(location, "panic");
    }));
}

/// The lines of the log. Only Portcullis's own events are written: libraries see cookies, tokens and
/// codes, and log them at some levels.
fn lines<W>(log: Log, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), log.level);
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    match log.format {
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            lines.with_filter(own).boxed()
        }
        Format::Text => lines.with_filter(own).boxed(),
    }
}

// === impl Escaped ===

impl<W: Write> Write for Escaped<W> {
    /// Writes a whole line: the subscriber writes each with one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        let output = [&*escaped(text), end].concat();
        self.0.write_all(output.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
