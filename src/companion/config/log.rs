//! Log settings.

use tracing::level_filters::LevelFilter;

use crate::document::Report;

use super::source::Source;

/// Log settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Log {
    /// The format of a line.
    pub(crate) format: Format,
    /// The minimum level.
    pub(crate) level: LevelFilter,
}

/// The format of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// One JSON object.
    Json,
    /// Human-readable text.
    Text,
}

pub(super) fn read(source: &Source) -> Result<Log, Report> {
    let format = source.text("log.format")?.map(|found| match &*found.value {
        "json" => Ok(Format::Json),
        "text" => Ok(Format::Text),
        _ => Err(found.error("is not a log format", "write `json` or `text`")),
    });
    let level = source.text("log.level")?.map(|found| match &*found.value {
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err(found.error(
            "is not a log level",
            "write `error`, `warn`, `info` or `debug`",
        )),
    });
    Ok(Log {
        format: format.transpose()?.unwrap_or(Format::Json),
        level: level.transpose()?.unwrap_or(LevelFilter::INFO),
    })
}
