//! What people read on a terminal: messages with colours.
//!
//! A terminal has colours unless `NO_COLOR` is set (no-color.org), `CLICOLOR` is `0`, or `TERM` is `dumb` and `CI` is not
//! set. Anything else than a terminal gets the same text without them.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// The labels at the beginning of a line.
const LABELS: [(&str, Style); 3] = [("error", ERROR), ("warning", WARNING), ("help", HELP)];

/// Writes a message and a line break to standard error. Where it is closed, the exit code still reports the failure.
pub(super) fn message(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", styled(text));
}

/// The text with styles around its labels.
fn styled(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let label = LABELS.into_iter().find_map(|(label, style)| {
            let rest = line.strip_prefix(label)?.strip_prefix(':')?;
            Some(format!("{style}{label}:{style:#}{rest}"))
        });
        label.unwrap_or_else(|| line.to_owned())
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
