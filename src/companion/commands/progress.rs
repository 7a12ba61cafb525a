//! What a command is doing, on a terminal, while it does it. Nothing else than a terminal gets anything.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portcullis_core::escape;

use crate::document;

/// How often the line is drawn again.
const INTERVAL: Duration = Duration::from_millis(200);

/// A line on standard error, which is removed when this is dropped. It has to be, before anything else is written.
#[must_use]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Shows what is being done, and for how long.
    pub(super) fn start(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, target());
        // The template is valid, and without one the line would have less in it.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(escape::line(what).into_owned());
        bar.enable_steady_tick(INTERVAL);
        Self(bar)
    }

    /// Shows that a log is being read, which can have any length.
    pub(super) fn of_log(log: &Path) -> Self {
        Self::start(&format!("reading {}", document::name_of(log)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Standard error, if it is a terminal that can remove a line.
fn target() -> ProgressDrawTarget {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if is_dumb {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    }
}
