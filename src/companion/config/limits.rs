//! Limits on clients, so that one can't exhaust what all share.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::document::Report;

use super::duration;
use super::source::Source;

/// Limits on clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// Concurrent connections, and concurrent requests.
    pub(crate) connections: usize,
    /// The longest header of a request, in bytes.
    pub(crate) header_bytes: usize,
    /// The longest body of a request, in bytes.
    pub(crate) body_bytes: usize,
    /// How long a TLS handshake may take.
    pub(crate) handshake: Duration,
    /// How long a client may take to send a request's header.
    pub(crate) header: Duration,
    /// How long a request may take, its body included.
    pub(crate) request: Duration,
    /// How long a connection may be idle.
    pub(crate) idle: Duration,
    /// How long requests may take to finish at shutdown.
    pub(crate) shutdown: Duration,
}

pub(super) fn read(source: &Source) -> Result<Limits, Report> {
    let number =
        |name: &str, default, bounds| number(source, &format!("limits.{name}"), default, bounds);
    let duration = |name: &str, default| {
        let bounds = Duration::from_secs(1)..=Duration::from_secs(600);
        let default = Duration::from_secs(default);
        duration::read(source, &format!("limits.{name}"), default, bounds)
    };
    Ok(Limits {
        connections: number("connections", 4096, 1..=1_000_000)?,
        // hyper reads in at least 8 KiB.
        header_bytes: number("header_bytes", 65_536, 8_192..=1_048_576)?,
        body_bytes: number("body_bytes", 65_536, 1_024..=1_048_576)?,
        handshake: duration("handshake", 10)?,
        header: duration("header", 10)?,
        request: duration("request", 30)?,
        idle: duration("idle", 75)?,
        shutdown: duration("shutdown", 20)?,
    })
}

fn number(
    source: &Source,
    path: &str,
    default: usize,
    bounds: RangeInclusive<usize>,
) -> Result<usize, Report> {
    let Some(found) = source.number(path)? else {
        return Ok(default);
    };
    let number = usize::try_from(found.value).ok();
    number
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            let help = format!("write {} to {}", bounds.start(), bounds.end());
            found
                .location
                .wrong_value(&found.value.to_string(), "is out of range", &help)
        })
}
