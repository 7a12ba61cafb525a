//! Durations, with bounds that errors name.

use std::ops::RangeInclusive;
use std::time::Duration;

use portcullis_core::policy::duration::parse;

use crate::document::Report;

use super::source::Source;

/// The duration at a path, or its default.
pub(super) fn read(
    source: &Source,
    path: &str,
    default: Duration,
    bounds: RangeInclusive<Duration>,
) -> Result<Duration, Report> {
    let Some(found) = source.text(path)? else {
        return Ok(default);
    };
    let (min, max) = (display(*bounds.start()), display(*bounds.end()));
    let Some(duration) = parse(&found.value) else {
        let help = format!("write an integer and `s`, `m` or `h`, from {min} to {max}");
        return Err(found.error("is not a duration", &help));
    };
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let problem = if duration < *bounds.start() {
        "is too short"
    } else {
        "is too long"
    };
    Err(found.error(problem, &format!("write {min} to {max}")))
}

/// In the largest unit that is exact.
fn display(duration: Duration) -> String {
    match duration.as_secs() {
        secs if secs > 0 && secs % 3600 == 0 => format!("{}h", secs / 3600),
        secs if secs > 0 && secs % 60 == 0 => format!("{}m", secs / 60),
        secs => format!("{secs}s"),
    }
}
