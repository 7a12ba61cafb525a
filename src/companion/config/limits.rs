//! Limits on clients, so that one can't exhaust the resources of all.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::document::Report;

use super::duration;
use super::source::Source;

/// Limits on clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// The maximum number of connections, and of concurrent requests.
    pub(crate) connections: usize,
    /// The maximum size of a request's header, in bytes.
    pub(crate) header_bytes: usize,
    /// The maximum size of a request's body, in bytes.
    pub(crate) body_bytes: usize,
    /// The timeout of a TLS handshake.
    pub(crate) handshake: Duration,
    /// The timeout for receiving a request's header.
    pub(crate) header: Duration,
    /// The timeout of a request, including its body.
    pub(crate) request: Duration,
    /// The timeout of an idle connection.
    pub(crate) idle: Duration,
    /// The time for requests in flight to finish at shutdown.
    pub(crate) shutdown: Duration,
}

/// The defaults that differ between commands.
pub(super) struct Defaults {
    pub(super) connections: usize,
    /// In seconds.
    pub(super) request: u64,
}

impl Defaults {
    /// Those of `serve`.
    pub(super) const SERVE: Self = Self {
        connections: 4096,
        request: 30,
    };
}

pub(super) fn read(source: &Source, defaults: &Defaults) -> Result<Limits, Report> {
    let number =
        |name: &str, default, bounds| number(source, &format!("limits.{name}"), default, bounds);
    let duration = |name: &str, default| {
        let bounds = Duration::from_secs(1)..=Duration::from_secs(600);
        let default = Duration::from_secs(default);
        duration::read(source, &format!("limits.{name}"), default, bounds)
    };
    Ok(Limits {
        connections: number("connections", defaults.connections, 1..=1_000_000)?,
        // hyper reads in at least 8 KiB.
        header_bytes: number("header_bytes", 65_536, 8_192..=1_048_576)?,
        body_bytes: number("body_bytes", 65_536, 1_024..=1_048_576)?,
        handshake: duration("handshake", 10)?,
        header: duration("header", 10)?,
        request: duration("request", defaults.request)?,
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
                .value_error(&found.value.to_string(), "is out of range", &help)
        })
}
