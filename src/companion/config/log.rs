//! What is logged, and how.

use tracing::level_filters::LevelFilter;

use crate::document::Report;

use super::source::Source;

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Log {
    /// How a line is written.
    pub(crate) format: Format,
    /// The least important lines that are written.
    pub(crate) level: LevelFilter,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// One JSON object.
    Json,
    /// For people.
    Text,
}

pub(super) fn read(source: &Source) -> Result<Log, Report> {
    let format = source.text("log.format")?.map(|found| match &*found.value {
        "json" => Ok(Format::Json),
        "text" => Ok(Format::Text),
        _ => Err(found.wrong("is not a format", "write `json` or `text`")),
    });
    let level = source.text("log.level")?.map(|found| match &*found.value {
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err(found.wrong("is not a level", "write `error`, `warn`, `info` or `debug`")),
    });
    Ok(Log {
        format: format.transpose()?.unwrap_or(Format::Json),
        level: level.transpose()?.unwrap_or(LevelFilter::INFO),
    })
}
